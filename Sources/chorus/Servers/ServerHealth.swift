import Dispatcher
import NIOCore
import NIOPosix
import Operations
import Synchronization
import Worker

/// What a worker says of itself to its service manager.
final class WorkerHealth: SupervisedHealth {
    private let worker: WorkerService
    private let pace = Pace()

    init(_ worker: WorkerService) { self.worker = worker }

    func waitUntilReady() async { await Readiness.wait { self.worker.isRegistered } }

    func isAlive() async -> Bool { await worker.isConsuming() }

    var status: String {
        let ended = worker.endedCount
        let calls = "\(worker.runningCount) of \(worker.concurrency) calls under way"
        return "\(calls), \(ended) tasks ended here, \(pace.perSecond(ended)) a second"
    }
}

/// What a gateway says of itself.
final class GatewayHealth: SupervisedHealth {
    private let dispatcher: DispatcherService
    private let port = Mutex<Int?>(nil)
    private let pace = Pace()

    init(_ dispatcher: DispatcherService) { self.dispatcher = dispatcher }

    func listens(on port: Int) { self.port.withLock { $0 = port } }

    func waitUntilReady() async { await Readiness.wait { self.port.withLock { $0 } != nil } }

    func isAlive() async -> Bool {
        // Each of the threads that carry requests has to answer.
        for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
            do { try await loop.submit {}.get() } catch { return false }
        }
        return dispatcher.isGoingRound
    }

    var status: String {
        let accepted = dispatcher.acceptedCount
        let place = port.withLock { $0.map { "listening on port \($0)" } ?? "starting" }
        return "\(place), \(accepted) tasks accepted here, \(pace.perSecond(accepted)) a second"
    }
}

/// The wait for a server that starts: nobody has to be told but the service manager, and only once.
private enum Readiness {
    static func wait(until isReady: () -> Bool) async {
        while !isReady(), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(50)) }
    }
}

/// How fast a count grows, between two looks at it.
private final class Pace: Sendable {
    private let last = Mutex((count: 0, time: ContinuousClock.now))

    /// With one decimal.
    func perSecond(_ count: Int) -> Double {
        let now = ContinuousClock.now
        let before = last.withLock { last in
            defer { last = (count, now) }
            return last
        }
        let seconds = (now - before.time) / .seconds(1)
        return seconds > 0 ? (Double(count - before.count) / seconds * 10).rounded() / 10 : 0
    }
}
