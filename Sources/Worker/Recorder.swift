import Domain
import FoundationEssentials
import Logging
import Postgres
import ServiceLifecycle
import Store

/// Records outcomes in micro-batches, and keeps trying: what a call gave was paid for.
///
/// What is not recorded within a moment goes into the journal as well, where there is one. The buffer is bounded by the worker's slots,
/// and as many places again for what is being recorded.
struct Recorder: Sendable {
    private let batches: GroupCommit<JournalEntry, Bool>
    private let owed: OwedRecords
    private let logger: Logger

    init(store: Store, journal: Journal?, metrics: WorkerMetrics = WorkerMetrics(), logger: Logger) {
        self.logger = logger
        owed = OwedRecords(journal: journal, logger: logger)
        batches = GroupCommit { items in
            let start = ContinuousClock.now
            defer { metrics.recordedBatch(of: items.count, after: .now - start) }
            return await Self.settle(items, store: store)
        }
    }

    /// Whether nothing more must be begun that would have to be recorded.
    var isFull: Bool { owed.isFull }

    /// Whether outcomes stand in the journal that the database does not have.
    var isOwing: Bool { owed.isOwing }

    /// An outcome that the database will never take must not take the others of its batch down: each is then recorded alone, and the one
    /// at fault is recorded as a failure that says why.
    private static func settle(_ items: [JournalEntry], store: Store) async -> [Result<Bool, any Error>] {
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
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await owed.keepJournal() }
            await batches.commitUntilStopped()
            group.cancelAll()
        }
    }

    /// Records what an earlier process left in the journal; returns when the database has it.
    ///
    /// Before anything else: until a lease has passed, the tasks are still that process's, and what it was given completes them.
    func recordFound() async {
        let found = await owed.takeFound()
        guard !found.isEmpty else { return }
        logger.notice("recording what an earlier process owed", metadata: ["outcomes": "\(found.count)"])
        for start in stride(from: 0, to: found.count, by: 500) {
            await withDiscardingTaskGroup { group in
                for entry in found[start..<min(start + 500, found.count)] {
                    group.addTask { await record(entry, owed.add(entry, isInJournal: true)) }
                }
            }
        }
    }

    /// Returns when the outcome is durable, or was refused because the task is another worker's now.
    func record(_ settlement: Settlement, of projectID: UUID? = nil, workerID: UUID) async {
        let entry = JournalEntry(settlement: settlement, workerID: workerID)
        await record(entry, owed.add(entry), of: projectID)
    }

    private func record(_ entry: JournalEntry, _ ticket: UInt64, of projectID: UUID? = nil) async {
        var failures = 0
        var fields: Logger.Metadata = ["task_id": "\(entry.settlement.taskID.text)"]
        if let projectID { fields["project_id"] = "\(projectID.text)" }
        while true {
            do {
                let moved = try await batches.submit(entry)
                if !moved {
                    logger.notice("an outcome came too late: the task is not this worker's any more", metadata: fields)
                }
                return await owed.remove(ticket)
            } catch {
                failures += 1
                // An outage concerns every task that runs here: a line at its beginning, and now and then.
                if failures == 1 || failures.isMultiple(of: 20) {
                    logger.warning(
                        "recording failed, it is tried again",
                        metadata: fields.merging(["error": "\(error)", "failures": "\(failures)"]) { $1 })
                }
                // A worker that is told to stop still owes the record. What is in the journal it leaves to its successor; for the rest it
                // tries until the process is ended.
                if Task.isCancelled, owed.isInJournal(ticket) { return }
                let pause = RetryBackoff(base: .milliseconds(100), cap: .seconds(5)).delay(retry: failures)
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
