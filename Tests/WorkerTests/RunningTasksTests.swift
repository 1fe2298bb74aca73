import Foundation
import Store
import Testing

@testable import Worker

@Suite(.timeLimit(.minutes(1))) struct RunningTasksTests {
    private let project = UUID()

    /// Runs a task that ends when it is cancelled, and says when it has begun.
    private func start(_ claim: TaskClaim, in running: RunningTasks) async -> Task<Void, Never> {
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            await running.run(claim, of: project) {
                let (forever, _) = AsyncStream.makeStream(of: Void.self)
                begin.yield()
                for await _ in forever {}
            }
        }
        _ = await begun.first { _ in true }
        while !running.claims.contains(claim) { await Task.yield() }
        return task
    }

    @Test func stopsOneClaimAndNotTheNext() async {
        let running = RunningTasks()
        let id = UUID()
        let first = TaskClaim(taskID: id, attempt: 1)
        let second = TaskClaim(taskID: id, attempt: 2)
        let one = await start(first, in: running)
        let two = await start(second, in: running)
        running.cancel(first)
        await one.value
        #expect(running.claims == [second])
        #expect(running.count(of: project) == 1)
        running.cancel(TaskClaim(taskID: UUID(), attempt: 1))
        running.cancel(taskID: id)
        await two.value
        #expect(running.count == 0)
    }

    @Test func stopsAll() async {
        let running = RunningTasks()
        let tasks = [
            await start(TaskClaim(taskID: UUID(), attempt: 1), in: running),
            await start(TaskClaim(taskID: UUID(), attempt: 1), in: running),
        ]
        running.cancelAll()
        for task in tasks { await task.value }
        #expect(running.count == 0 && running.count(of: project) == 0)
    }
}
