import AMQP
import Domain
import Logging
import Queues
import Store
import Synchronization

/// Admitted tasks on their way to the broker: while it confirms one batch, the next one gathers, and keeps its order.
///
/// What it does not confirm goes back to `pending`.
final class Outbox: Sendable {
    private struct State: ~Copyable {
        var waiting: [AdmittedTask] = []
        var sending = 0
    }

    private let configuration: DispatcherConfiguration
    private let store: Store
    private let publisher: AMQPPublisher
    private let logger: Logger
    private let state = Mutex(State())
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    init(configuration: DispatcherConfiguration, store: Store, publisher: AMQPPublisher, logger: Logger) {
        self.configuration = configuration
        self.store = store
        self.publisher = publisher
        self.logger = logger
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Tasks that the broker has not confirmed yet. The dispatcher admits no more while these fill its queues.
    var count: Int { state.withLock { $0.waiting.count + $0.sending } }

    func put(_ tasks: [AdmittedTask]) {
        guard !tasks.isEmpty else { return }
        state.withLock { $0.waiting += tasks }
        wakeUp.yield()
    }

    /// Sends what comes until the task is cancelled, then what came before.
    func run() async {
        for await _ in wakeUps { await sendAll() }
        await sendAll()
    }

    /// Unstructured, because neither the confirms nor the way back may be cut short by a shutdown: both have time limits of their own.
    func sendAll() async {
        while let tasks = next() {
            await Task { await self.send(tasks) }.value
            state.withLock { $0.sending = 0 }
        }
    }

    private func next() -> [AdmittedTask]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return nil }
            defer { state.waiting.removeAll() }
            state.sending = state.waiting.count
            return state.waiting
        }
    }

    private func send(_ tasks: [AdmittedTask]) async {
        do {
            try await publisher.publish(tasks.map { $0.message(configuration.partitioning) }, timeout: configuration.confirmTimeout)
        } catch {
            logger.warning("the broker did not confirm, the tasks go back", metadata: ["tasks": "\(tasks.count)", "error": "\(error)"])
            do {
                _ = try await store.takeBack(tasks)
            } catch {
                // They are found as messages that the broker lost.
                logger.warning("tasks could not be taken back", metadata: ["tasks": "\(tasks.count)", "error": "\(error)"])
            }
        }
    }
}

extension AdmittedTask {
    func queue(_ partitioning: Partitioning) -> TaskQueue {
        TaskQueue(projectID: projectID, priority: priority, partitioning: partitioning)
    }

    fileprivate func message(_ partitioning: Partitioning) -> AMQPMessage {
        TaskMessage(taskID: id, projectID: projectID, priority: priority, attempt: attempt).message(partitioning: partitioning)
    }
}
