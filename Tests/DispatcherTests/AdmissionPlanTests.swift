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

    /// Projects share an engine's room by their turns; what is left goes to tasks of other engines, of the same projects too.
    @Test func anEnginesRoomIsSharedAndHoldsBackNothingElse() {
        let entries = projects.prefix(2).flatMap { project in
            ["fast", "slow"].map {
                BacklogEntry(
                    projectID: project, priority: 1, engine: $0, neededEngine: $0, weight: 1, cost: 10,
                    dueIn: $0 == "slow" ? .seconds(-9) : .zero)
            }
        }
        var share = FairShare()
        share.meet(entries, tokensInFlight: nil, endsPass: true)
        let room = EngineRoom(EngineFigures(engine: "slow", concurrency: 4))
        let plan = share.plan(entries, room: 20, engines: ["slow": room])
        #expect(plan.turns.count == 20)
        #expect(plan.turns.prefix(4).allSatisfy { $0.engine == "slow" }, "the oldest first")
        #expect(plan.turns.dropFirst(4).allSatisfy { $0.engine == "fast" })
        for project in projects.prefix(2) {
            #expect(plan.turns.count { $0.projectID == project && $0.engine == "slow" } == 2)
            #expect(plan.turns.count { $0.projectID == project } == 10)
        }
        #expect(Set(plan.grants.map(\.engine)) == ["fast", "slow"])
        // Tokens: while there are any, one more call fits.
        let tokens = EngineRoom(EngineFigures(engine: "slow", tokensPerMinute: 60 * 25))
        #expect(share.plan(entries, room: 20, engines: ["slow": tokens]).turns.count { $0.engine == "slow" } == 3)
    }

    /// A slow engine whose next slot is near has room for one task, wherever that one is on its way.
    @Test(arguments: [(0, 0, true), (1, 0, false), (0, 1, false)])
    func whatIsOnItsWayLeavesNoRoom(inQueue: Int, waiting: Int, isOpen: Bool) {
        let near = SlotSchedule(requestsUntil: 0.7, tokensUntil: 0.7)
        let requests = EngineFigures(
            engine: "slow", requestsPerMinute: 20, schedule: near, inQueue: inQueue, waiting: waiting)
        #expect(EngineRoom(requests).isOpen == isOpen)
        let tokens = EngineFigures(
            engine: "slow", tokensPerMinute: 600, schedule: near, tokensInQueue: 30 * inQueue, tokensWaiting: 30 * waiting)
        #expect(EngineRoom(tokens).isOpen == isOpen)
    }

    @Test func aClosedEngineGetsOneProbe() {
        func room(closedFor: Double, inFlight: Int = 0) -> EngineRoom {
            let closed = ClosedGate(engine: "a", closedFor: closedFor, reason: .rateLimited, message: "")
            return EngineRoom(EngineFigures(engine: "a", closed: closed, inFlight: inFlight))
        }
        #expect(!room(closedFor: 3).isOpen && room(closedFor: 3).opensIn == .seconds(3))
        #expect(room(closedFor: -1).tasks == 1)
        #expect(!room(closedFor: -1, inFlight: 1).isOpen)
        #expect(EngineRoom(EngineFigures(engine: "a")).isOpen)
    }

    /// What waits for an engine is not due before there is room; the rest is as it was.
    @Test func tasksOfAnEngineWithoutRoomAreNotDue() {
        let held = HeldEngines(names: ["slow"], fleetDefault: "fast")
        let entries = ["fast", "slow", nil].map {
            BacklogEntry(projectID: projects[0], priority: 1, engine: $0 ?? "*", neededEngine: $0, weight: 1)
        }
        var rooms = EngineRooms()
        let now = ContinuousClock.now
        #expect(rooms.engines(toReadFor: [entries[0], entries[2]], held: held, at: now).isEmpty, "nothing needs a look")
        #expect(rooms.engines(toReadFor: entries, held: held, at: now) == ["slow"])
        let schedule = SlotSchedule(requestsUntil: 3, tokensUntil: 0)
        rooms.read([EngineFigures(engine: "slow", requestsPerMinute: 60, schedule: schedule)], at: now)
        #expect(rooms.engines(toReadFor: entries, held: held, at: now).isEmpty)
        let judged = rooms.judged(entries)
        #expect(judged.map(\.isDue) == [true, false, true])
        #expect(judged[1].dueIn == .seconds(2), "when a slot is within the horizon")
        rooms.keep(HeldEngines())
        #expect(rooms.judged(entries).map(\.isDue) == [true, true, true], "an engine that has opened holds back nothing")
    }

    /// An engine that has room for one task now and then: projects and priorities share it by their weights all the same.
    @Test func aScarceEngineIsSharedByTheWeights() {
        let entries = [(0, 1, 1), (0, 3, 1), (1, 1, 3), (1, 3, 3)].map { project, priority, weight in
            BacklogEntry(
                projectID: projects[project], priority: priority, engine: "slow", neededEngine: "slow", weight: weight, cost: 10)
        }.sorted { ($0.projectID.text, -$0.priority) < ($1.projectID.text, -$1.priority) }
        var share = FairShare()
        var rooms = EngineRooms()
        var turns: [AdmissionPlan.Turn] = []
        for round in 0..<4_800 {
            let hasRoom = round % 3 == 0
            rooms.read([EngineFigures(engine: "slow", concurrency: hasRoom ? 1 : 0)], at: .now)
            let judged = rooms.judged(entries)
            share.meet(judged, tokensInFlight: nil, endsPass: true)
            let plan = share.plan(judged, room: 8, engines: rooms.rooms)
            #expect(plan.turns.count == (hasRoom ? 1 : 0))
            share.charge(
                plan.turns.map {
                    AdmittedTask(id: .v7(), projectID: $0.projectID, priority: $0.priority, engine: "slow", attempt: 0, estimatedTokens: 10)
                }, weights: [projects[0]: 1, projects[1]: 3])
            turns += plan.turns
        }
        let heavy = turns.count { $0.projectID == projects[1] }
        #expect((1_150...1_250).contains(heavy), "\(heavy) of 1,600")
        // Priorities 1 and 3 weigh 2 and 4.
        let high = turns.count { $0.priority == 3 }
        #expect((1_020...1_110).contains(high), "\(high) of 1,600")
    }
}
