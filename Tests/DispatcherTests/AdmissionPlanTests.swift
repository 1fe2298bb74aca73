import Domain
import Foundation
import Queues
import Store
import Testing

@testable import Dispatcher

@Suite struct AdmissionPlanTests {
    private let one = Partitioning(count: 1)
    private let projects = (0..<5).map { _ in UUID.v7() }
    private let queue = TaskQueue(partition: 0, lane: .normal)

    private func backlog(_ count: Int, priority: Int = 1) -> [BacklogEntry] {
        projects.prefix(count).map { BacklogEntry(projectID: $0, priority: priority, weight: 1) }
    }

    private func plan(_ backlog: [BacklogEntry], room: [TaskQueue: Int], limit: Int = 500, turn: Int = 0) -> AdmissionPlan {
        AdmissionPlan(backlog: backlog, room: room, limit: limit, turn: turn, partitioning: one)
    }

    @Test func sharesRoomEvenly() {
        let plan = plan(backlog(3), room: [queue: 10])
        #expect(plan.grants.map(\.limit).sorted() == [3, 3, 4])
        #expect(!plan.isHeldBack)
    }

    @Test func aProjectAloneGetsAllTheRoom() {
        #expect(plan(backlog(1), room: [queue: 10]).grants.map(\.limit) == [10])
    }

    @Test func everybodyGetsATurnWhereRoomIsShort() {
        var served: [UUID: Int] = [:]
        for turn in 0..<10 {
            let plan = plan(backlog(5), room: [queue: 2], turn: turn)
            #expect(plan.isHeldBack)
            for grant in plan.grants { served[grant.projectID, default: 0] += grant.limit }
        }
        #expect(served.count == 5)
        #expect(served.values.allSatisfy { $0 == 4 }, "\(served.values)")
    }

    @Test func aFullQueueHoldsBackItsOwnTasksOnly() {
        let urgent = TaskQueue(partition: 0, lane: .urgent)
        let plan = plan(backlog(1, priority: 9) + backlog(1, priority: 1), room: [queue: 0, urgent: 4])
        #expect(plan.grants == [AdmissionGrant(projectID: projects[0], lane: .urgent, limit: 4)])
        #expect(plan.isHeldBack)
    }

    @Test func prioritiesOfOneLaneShareAGrant() {
        let backlog = [3, 2, 1].map { BacklogEntry(projectID: projects[0], priority: $0, weight: 1) }
        #expect(plan(backlog, room: [queue: 6]).grants == [AdmissionGrant(projectID: projects[0], lane: .normal, limit: 6)])
    }

    @Test func staysWithinTheBatchHigherLanesFirst() {
        let urgent = TaskQueue(partition: 0, lane: .urgent)
        let plan = plan(backlog(1, priority: 1) + backlog(1, priority: 9), room: [queue: 400, urgent: 400], limit: 500)
        #expect(plan.grants.map(\.lane) == [.urgent, .normal])
        #expect(plan.grants.map(\.limit) == [400, 100])
    }

    /// Random backlogs: no queue gets more than its room, no round more than its limit, and room is used where somebody waits for it.
    @Test func neverOverfillsAndNeverIdles() {
        let partitioning = Partitioning(count: 3)
        var generator = SystemRandomNumberGenerator()
        for turn in 0..<500 {
            let entries = (0..<Int.random(in: 0...30, using: &generator)).flatMap { _ in
                let id = UUID.v7()
                return Set((0..<3).map { _ in Int.random(in: 0...9, using: &generator) }).map {
                    BacklogEntry(projectID: id, priority: $0, weight: 1)
                }
            }
            let room = Dictionary(uniqueKeysWithValues: partitioning.taskQueues.map { ($0, Int.random(in: 0...12, using: &generator)) })
            let limit = Int.random(in: 1...60, using: &generator)
            let plan = AdmissionPlan(backlog: entries, room: room, limit: limit, turn: turn, partitioning: partitioning)
            var filled: [TaskQueue: Int] = [:]
            for grant in plan.grants {
                filled[TaskQueue(partition: partitioning.partition(of: grant.projectID), lane: grant.lane), default: 0] += grant.limit
            }
            #expect(filled.allSatisfy { $0.value <= room[$0.key] ?? 0 })
            let total = filled.values.reduce(0, +)
            #expect(total <= limit)
            let wanted = Set(entries.map { TaskQueue(projectID: $0.projectID, priority: $0.priority, partitioning: partitioning) })
            #expect(total == min(limit, wanted.map { room[$0] ?? 0 }.reduce(0, +)))
        }
    }
}

@Suite struct QueueDepthTargetTests {
    @Test func deepensWhileWorkersEmptyTheQueue() {
        var target = QueueDepthTarget(range: 8...64)
        for expected in [8, 16, 32, 64, 64] {
            #expect(target.room == expected)
            target.published(target.room)
            #expect(target.room == 0 && target.needsReading)
            target.read(ready: 0)
        }
    }

    @Test func growsShallowWhileMessagesStay() {
        var target = QueueDepthTarget(range: 8...64)
        for _ in 0..<3 {
            target.published(target.room)
            target.read(ready: 0)
        }
        for _ in 0..<20 { target.read(ready: target.target) }
        #expect(target.target == 8)
        #expect(target.room == 0)
    }

    /// A task now and then costs no question to the broker.
    @Test func asksTheBrokerOnlyWhenTheEstimateIsHigh() {
        var target = QueueDepthTarget(range: 8...64)
        target.published(3)
        #expect(!target.needsReading)
        target.published(1)
        #expect(target.needsReading)
    }
}

@Suite struct LostMessagesTests {
    @Test func onlyEmptyQueuesLostSomething() {
        let partitioning = Partitioning(count: 1)
        let project = UUID.v7()
        let stale = [StaleEntry(projectID: project, priority: 1, count: 2), StaleEntry(projectID: project, priority: 9, count: 1)]
        let ready = [TaskQueue(partition: 0, lane: .normal): 5, TaskQueue(partition: 0, lane: .urgent): 0]
        #expect(LostMessages.entries(in: stale, ready: ready, partitioning: partitioning) == [stale[1]])
        #expect(LostMessages.queues(of: stale, partitioning: partitioning) == Set(ready.keys))
    }
}
