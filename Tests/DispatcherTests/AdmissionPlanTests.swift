import Domain
import Foundation
import Store
import Testing

@testable import Dispatcher

@Suite struct AdmissionPlanTests {
    private let projects = (0..<5).map { _ in UUID.v7() }

    private func plan(_ entries: [BacklogEntry], room: Int) -> AdmissionPlan {
        var share = FairShare()
        share.meet(entries, tokensInFlight: nil, endsPass: true)
        return share.plan(entries, room: room)
    }

    @Test func sharesRoomEvenly() {
        let entries = projects.prefix(3).map { BacklogEntry(projectID: $0, priority: 1, weight: 1, cost: 100) }
        #expect(plan(entries, room: 10).grants.map(\.limit).sorted() == [3, 3, 4])
        #expect(plan(entries, room: 0).grants.isEmpty)
        #expect(plan([], room: 10).grants.isEmpty)
    }

    @Test func sharesRoomByWeightAndCost() {
        let entries = [
            BacklogEntry(projectID: projects[0], priority: 1, weight: 1, cost: 100),
            BacklogEntry(projectID: projects[1], priority: 1, weight: 3, cost: 100),
            BacklogEntry(projectID: projects[2], priority: 1, weight: 1, cost: 25),
        ]
        #expect(plan(entries, room: 80).grants.map(\.limit) == [10, 30, 40])
    }

    @Test func aProjectAloneGetsAllTheRoom() {
        let entries = [BacklogEntry(projectID: projects[0], priority: 1, weight: 1, cost: 1_000_000)]
        #expect(plan(entries, room: 10).grants.map(\.limit) == [10])
    }

    /// A few tasks run in the order of their priorities; many share by the priorities' weights.
    @Test func higherPrioritiesGoFirst() {
        let entries = [9, 5, 1].map { BacklogEntry(projectID: projects[0], priority: $0, weight: 1, cost: 10) }
        #expect(plan(entries, room: 5).turns.map(\.priority) == [9, 9, 9, 9, 5])
        let counts = plan(entries, room: 420).grants.map(\.limit)
        #expect(counts == [320, 80, 20])
    }

    @Test func oneProjectsUrgentTasksTakeNothingFromAnother() {
        let entries = [
            BacklogEntry(projectID: projects[0], priority: 9, weight: 1, cost: 10),
            BacklogEntry(projectID: projects[1], priority: 0, weight: 1, cost: 10),
        ]
        #expect(plan(entries, room: 10).grants.map(\.limit) == [5, 5])
    }

    @Test func whatCannotRunGetsNoTurn() {
        let entries = [
            BacklogEntry(projectID: projects[0], priority: 1, weight: 100, dueIn: .seconds(1)),
            BacklogEntry(projectID: projects[1], priority: 1, weight: 100, isActive: false),
            BacklogEntry(projectID: projects[2], priority: 9, weight: 100, allowance: 0),
            BacklogEntry(projectID: projects[3], priority: 9, weight: 1, allowance: 2),
            BacklogEntry(projectID: projects[3], priority: 1, weight: 1, allowance: 2),
            BacklogEntry(projectID: projects[4], priority: 1, weight: 1),
        ]
        let plan = plan(entries, room: 10)
        #expect(plan.grants.map(\.projectID) == [projects[3], projects[4]])
        #expect(plan.grants.map(\.limit) == [2, 8])
        #expect(plan.grants.map(\.isCapped) == [true, false])
    }

    @Test func tasksAreOrderedByTheirTurns() {
        let entries = projects.prefix(2).map { BacklogEntry(projectID: $0, priority: 1, weight: 1, cost: 10) }
        let plan = plan(entries, room: 6)
        let tasks = projects.prefix(2).flatMap { project in
            (0..<3).map { _ in AdmittedTask(id: .v7(), projectID: project, priority: 1, attempt: 0, estimatedTokens: 10) }
        }
        let ordered = plan.ordered(tasks.shuffled())
        #expect(ordered.map(\.projectID) == plan.turns.map(\.projectID))
        #expect(ordered.filter { $0.projectID == projects[0] } == Array(tasks.prefix(3)), "by age")
        #expect(Set(ordered.prefix(2).map(\.projectID)).count == 2, "interleaved")
        // Fewer than granted.
        #expect(plan.ordered([tasks[4]]) == [tasks[4]])
    }
}
