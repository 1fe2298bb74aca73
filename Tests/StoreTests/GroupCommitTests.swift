import Store
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct GroupCommitTests {
    private func running<Item, Outcome, Value: Sendable>(
        _ group: GroupCommit<Item, Outcome>, _ body: () async throws -> Value
    ) async throws -> Value {
        let service = Task { await group.commitUntilStopped() }
        let value: Value
        do {
            value = try await body()
        } catch {
            service.cancel()
            throw error
        }
        group.stop()
        await service.value
        return value
    }

    @Test func gathersWhileABatchIsUnderWay() async throws {
        let sizes = Mutex<[Int]>([])
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let commits = GroupCommit<Int, Int>(limits: .init(batchWeight: 100, batchesAtOnce: 1)) { items in
            let isFirst = sizes.withLock { sizes in
                sizes.append(items.count)
                return sizes.count == 1
            }
            if isFirst { _ = await gate.first { _ in true } }
            return items.map { .success($0 * 2) }
        }
        try await running(commits) {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { () async throws in #expect(try await commits.submit(1) == 2) }
                while sizes.withLock({ $0.isEmpty }) { await Task.yield() }
                for item in 2...50 { tasks.addTask { () async throws in #expect(try await commits.submit(item) == item * 2) } }
                tasks.addTask {
                    // Everybody has handed in, or will find the queue: the sum is what counts.
                    for _ in 0..<1_000 { await Task.yield() }
                    open.yield()
                }
                try await tasks.waitForAll()
            }
        }
        let seen = sizes.withLock { $0 }
        #expect(seen.reduce(0, +) == 50)
        #expect(seen.count < 50, "items shared batches: \(seen)")
    }

    /// Batches are put together, committed and settled where the owner says.
    @Test func keepsToItsExecutor() async throws {
        final class CountingExecutor: TaskExecutor {
            let jobs = Atomic(0)

            func enqueue(_ job: consuming ExecutorJob) {
                jobs.add(1, ordering: .relaxed)
                let job = UnownedJob(job)
                Task.detached { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
            }
        }
        let executor = CountingExecutor()
        let commits = GroupCommit<Int, Int>(executor: executor) { items in
            // Is itself run there: where it goes on after a wait is counted.
            let before = executor.jobs.load(ordering: .relaxed)
            await Task.yield()
            #expect(executor.jobs.load(ordering: .relaxed) > before)
            return items.map { .success($0) }
        }
        try await running(commits) { () async throws in
            for item in 0..<10 { #expect(try await commits.submit(item) == item) }
        }
        #expect(executor.jobs.load(ordering: .relaxed) >= 20)
    }

    /// Whoever keeps coming does not keep it from its end, and is not forgotten either.
    @Test func stopsUnderLoad() async throws {
        final class Count: Sendable {
            let value = Atomic(0)
            func add(_ number: Int) { value.add(number, ordering: .relaxed) }
            var total: Int { value.load(ordering: .relaxed) }
        }
        let (committed, answered) = (Count(), Count())
        let commits = GroupCommit<Int, Int>(limits: .init(batchWeight: 1, batchesAtOnce: 1)) { items in
            await Task.yield()
            committed.add(items.count)
            return items.map { .success($0) }
        }
        let callers = (0..<8).map { caller in
            Task { while (try? await commits.submit(caller)) == caller { answered.add(1) } }
        }
        try await running(commits) {
            try await eventually("they are at work", within: .seconds(10)) { answered.total > 1_000 }
        }
        for caller in callers { await caller.value }
        #expect(answered.total == committed.total)
    }

    @Test func onlyAFullBatchGoesOutBesideAnother() async throws {
        let sizes = Mutex<[Int]>([])
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let commits = GroupCommit<Int, Int>(limits: .init(batchWeight: 3, batchesAtOnce: 2)) { items in
            sizes.withLock { $0.append(items.count) }
            if items.contains(0) { _ = await gate.first { _ in true } }
            return items.map { .success($0) }
        }
        try await running(commits) {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { _ = try await commits.submit(0) }
                while sizes.withLock({ $0.isEmpty }) { await Task.yield() }
                for item in 1...3 { tasks.addTask { _ = try await commits.submit(item) } }
                // The first batch is held: what came out beside it was full.
                while sizes.withLock({ $0.count < 2 }) { await Task.yield() }
                open.finish()
                try await tasks.waitForAll()
            }
        }
        #expect(sizes.withLock { $0 } == [1, 3])
    }

    @Test func keepsBatchesWithinTheirWeight() async throws {
        let weights = Mutex<[Int]>([])
        let commits = GroupCommit<Int, Int>(limits: .init(batchWeight: 10)) { items in
            weights.withLock { $0.append(items.reduce(0, +)) }
            return items.map { .success($0) }
        }
        try await running(commits) {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for weight in [4, 4, 4, 25, 1, 9, 10] { tasks.addTask { _ = try await commits.submit(weight, weight: weight) } }
                try await tasks.waitForAll()
            }
        }
        #expect(weights.withLock { $0 }.allSatisfy { $0 <= 10 || $0 == 25 })
    }

    @Test func anErrorReachesItsOwnItem() async throws {
        struct Odd: Error {}
        let commits = GroupCommit<Int, Int> { items in items.map { $0.isMultiple(of: 2) ? .success($0) : .failure(Odd()) } }
        try await running(commits) { () async throws in
            #expect(try await commits.submit(2) == 2)
            await #expect(throws: Odd.self) { try await commits.submit(3) }
        }
    }

    @Test func refusesWhatItCannotHold() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let commits = GroupCommit<Int, Int>(limits: .init(batchWeight: 1, waitingItems: 1, batchesAtOnce: 1)) { items in
            _ = await gate.first { _ in true }
            return items.map { .success($0) }
        }
        try await running(commits) {
            let outcomes = await withTaskGroup(of: Bool.self) { tasks in
                for item in 0..<20 { tasks.addTask { (try? await commits.submit(item)) != nil } }
                var outcomes: [Bool] = []
                // The refused ones come first: the others wait for the gate.
                for await outcome in tasks {
                    outcomes.append(outcome)
                    if outcomes.count == 18 { open.finish() }
                }
                return outcomes
            }
            #expect(outcomes.count { $0 } <= 2)
            #expect(outcomes.count { !$0 } >= 18)
        }
    }

    @Test func takesNothingAfterItsStop() async throws {
        let commits = GroupCommit<Int, Int> { items in items.map { .success($0) } }
        try await running(commits) {}
        await #expect(throws: GroupCommit<Int, Int>.Failure.self) { try await commits.submit(1) }
    }
}
