import Domain
import FoundationEssentials
import Logging
import Postgres
import ServiceLifecycle
import Store

/// Records outcomes in micro-batches, and keeps trying: what a call gave was paid for.
struct Recorder: Sendable {
    private struct Item: Sendable {
        var settlement: Settlement
        var workerID: UUID
    }

    private let batches: GroupCommit<Item, Bool>
    private let logger: Logger

    init(store: Store, logger: Logger) {
        self.logger = logger
        batches = GroupCommit { await Self.settle($0, store: store) }
    }

    /// An outcome that the database will never take must not take the others of its batch down: each is then recorded alone, and the one
    /// at fault is recorded as a failure that says why.
    private static func settle(_ items: [Item], store: Store) async -> [Result<Bool, any Error>] {
        do {
            // A worker that got a new identity may still have items of the old one: a batch for each.
            var moved: Set<UUID> = []
            for (workerID, items) in Dictionary(grouping: items, by: \.workerID) {
                moved.formUnion(try await store.settle(items.map(\.settlement), workerID: workerID))
            }
            return items.map { .success(moved.contains($0.settlement.taskID)) }
        } catch let error as PostgresError where !error.isRetryable {
            guard items.count == 1, let item = items.first else {
                var outcomes: [Result<Bool, any Error>] = []
                for item in items { outcomes += await settle([item], store: store) }
                return outcomes
            }
            do {
                let refusal = item.settlement.refused(by: error)
                return [.success(try await !store.settle([refusal], workerID: item.workerID).isEmpty)]
            } catch {
                return [.failure(error)]
            }
        } catch {
            return items.map { _ in .failure(error) }
        }
    }

    /// Commits batches until the task is cancelled, which the worker does when nothing is left to record.
    func run() async { await batches.commitUntilStopped() }

    /// Returns when the outcome is durable, or was refused because the task is another worker's now.
    func record(_ settlement: Settlement, workerID: UUID) async {
        var failures = 0
        while true {
            do {
                let moved = try await batches.submit(Item(settlement: settlement, workerID: workerID))
                if !moved {
                    logger.notice(
                        "an outcome came too late: the task is not this worker's any more",
                        metadata: ["task_id": "\(settlement.taskID.text)"])
                }
                return
            } catch {
                failures += 1
                logger.warning(
                    "recording failed, it is tried again",
                    metadata: ["task_id": "\(settlement.taskID.text)", "error": "\(error)", "failures": "\(failures)"])
                let pause = RetryBackoff(base: .milliseconds(100), cap: .seconds(5)).delay(retry: failures)
                // A worker that is told to stop still owes the record: it gives up only when the process is ended.
                await pauseRegardlessOfCancellation(pause)
            }
        }
    }

    private func pauseRegardlessOfCancellation(_ pause: Duration) async {
        // Unstructured, so that the wait is not cut short by the cancellation of the task whose outcome is recorded.
        await Task { try? await Task.sleep(for: pause) }.value
    }
}

extension Settlement {
    /// What is recorded in place of an outcome that the database refuses.
    fileprivate func refused(by error: PostgresError) -> Settlement {
        let message = "The outcome could not be stored: \(error.shortDescription)"
        var refusal = self
        refusal.outcome = .failed(message: message)
        refusal.calls = calls.map { call in
            var call = call
            call.output = ["error": .string(message)]
            call.tokenUsage = nil
            return call
        }
        return refusal
    }
}
