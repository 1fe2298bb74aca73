import DequeModule
public import ServiceLifecycle
import Synchronization

/// Group commit: while one batch is on its way to the database, the next one gathers.
///
/// There is no timer. At light load a batch is one item and waits for nobody; under load hundreds share one statement and one flush of
/// the log. `submit` returns when its item's batch is done.
public final class GroupCommit<Item: Sendable, Outcome: Sendable>: Service {
    public struct Limits: Sendable {
        /// The most that one batch may weigh; a heavier item makes a batch of its own.
        public var batchWeight: Int
        /// How many items may wait; `submit` refuses more.
        public var waitingItems: Int
        /// How many batches may be under way at once. Beside the first one only full ones go out: two half batches cost the database
        /// nearly twice as much as a whole one.
        public var batchesAtOnce: Int

        public init(batchWeight: Int = 500, waitingItems: Int = 10_000, batchesAtOnce: Int = 2) {
            self.batchWeight = batchWeight
            self.waitingItems = waitingItems
            self.batchesAtOnce = batchesAtOnce
        }
    }

    public enum Failure: Error {
        /// As many items wait as may.
        case overloaded
        /// The service has stopped.
        case stopped
    }

    private struct Entry {
        var item: Item
        var weight: Int
        var continuation: CheckedContinuation<Outcome, any Error>
    }

    private struct State: ~Copyable {
        var waiting: Deque<Entry> = []
        var waitingWeight = 0
        var batchesUnderWay = 0
        /// No batch follows another one any more: what waits is left for the end.
        var isStopping = false
        var isStopped = false
    }

    private let limits: Limits
    private let executor: (any TaskExecutor)?
    private let commit: @Sendable ([Item]) async -> [Result<Outcome, any Error>]
    private let state = Mutex(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - executor: where batches are put together and settled; best where the items come from, so that no thread is woken for it.
    ///   - commit: takes a batch and gives one outcome an item, in the same order.
    public init(
        limits: Limits = Limits(), executor: (any TaskExecutor)? = nil,
        commit: @escaping @Sendable ([Item]) async -> [Result<Outcome, any Error>]
    ) {
        self.limits = limits
        self.executor = executor
        self.commit = commit
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Hands an item in and waits for its outcome. `weight` is what it adds to a batch, in rows.
    ///
    /// The wait is bounded by the database's own time limits; cancelling the caller does not take the item back.
    public func submit(_ item: Item, weight: Int = 1) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            let (refusal, isDue): (Failure?, Bool) = state.withLock { state in
                if state.isStopped { return (.stopped, false) }
                if state.waiting.count >= limits.waitingItems { return (.overloaded, false) }
                state.waiting.append(Entry(item: item, weight: weight, continuation: continuation))
                state.waitingWeight += weight
                return (nil, isBatchDue(state))
            }
            if let refusal {
                continuation.resume(throwing: refusal)
            } else if isDue {
                signal.yield()
            }
        }
    }

    /// Commits batches until the graceful shutdown, then those that still wait.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await commitUntilStopped()
        } onGracefulShutdown: {
            self.stop()
        }
    }

    /// Commits batches until `stop()` or the task's cancellation, then those that still wait: for an owner that outlives a graceful
    /// shutdown for as long as it has something to commit.
    public func commitUntilStopped() async {
        await withTaskExecutorPreference(executor) { await commitBatches() }
    }

    private func commitBatches() async {
        await withDiscardingTaskGroup { group in
            for await _ in signals {
                while let batch = nextBatch() {
                    group.addTask { await self.commit(batch) }
                }
            }
            state.withLock { $0.isStopping = true }
        }
        // No more items are taken now; what was taken before is owed an outcome.
        state.withLock { $0.isStopped = true }
        while let batch = nextBatch() { await commit(batch) }
    }

    /// Takes no more items.
    public func stop() { signal.finish() }

    private func nextBatch() -> [Entry]? {
        state.withLock { takeBatch(&$0) }
    }

    /// What follows a batch that has ended.
    private func batchDidEnd() -> [Entry]? {
        state.withLock { state in
            state.batchesUnderWay -= 1
            return state.isStopping ? nil : takeBatch(&state)
        }
    }

    /// Else what waits goes when a batch has ended.
    private func isBatchDue(_ state: borrowing State) -> Bool {
        state.batchesUnderWay < (state.waitingWeight >= limits.batchWeight ? limits.batchesAtOnce : 1)
    }

    private func takeBatch(_ state: inout State) -> [Entry]? {
        guard isBatchDue(state), !state.waiting.isEmpty else { return nil }
        var batch: [Entry] = []
        var weight = 0
        while let next = state.waiting.first, batch.isEmpty || weight + next.weight <= limits.batchWeight {
            weight += next.weight
            batch.append(state.waiting.removeFirst())
        }
        state.waitingWeight -= weight
        state.batchesUnderWay += 1
        return batch
    }

    /// Commits a batch, and those that follow. The database gets the next one before those of the last one hear of it: what they do then
    /// takes its time.
    private func commit(_ first: [Entry]) async {
        await withDiscardingTaskGroup { settling in
            var batch = first
            while true {
                let outcomes = await commit(batch.map { $0.item })
                let next = batchDidEnd()
                settling.addTask { [batch] in Self.settle(batch, outcomes) }
                guard let next else { return }
                batch = next
            }
        }
    }

    private static func settle(_ batch: [Entry], _ outcomes: [Result<Outcome, any Error>]) {
        for (index, entry) in batch.enumerated() {
            entry.continuation.resume(with: outcomes.indices.contains(index) ? outcomes[index] : .failure(Failure.stopped))
        }
    }
}
