import Domain
import Foundation
import Store
import Testing

@testable import Dispatcher
@testable import Operations

@Suite struct FairShareTests {
    /// Random projects, weights and costs, all with a backlog: in every long window each gets its share of the tokens within 10 %.
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func sharesFollowTheWeights(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let count = Int.random(in: 2...6, using: &random)
        let weights = (0..<count).map { _ in Int.random(in: 1...10, using: &random) }
        let costs = weights.map { _ in Int.random(in: 1...50, using: &random)...Int.random(in: 50...500, using: &random) }
        var simulation = FairSimulation(weights: weights, capacity: Int.random(in: 4...64, using: &random))
        while simulation.admitted.count < 8_000 {
            for project in weights.indices {
                while simulation.projects[project].waiting[1]?.count ?? 0 < 100 {
                    simulation.arrive(project, cost: Int.random(in: costs[project], using: &random))
                }
            }
            simulation.admit()
            simulation.complete(Int.random(in: 0...8, using: &random))
        }
        for window in stride(from: 0, to: 8_000, by: 4_000) {
            expectShares(simulation.tokens(in: window..<window + 4_000), weights, tolerance: 0.1, "seed \(seed)")
        }
    }

    /// Two gateways, one of which starts anew now and then, share as well: nothing depends on what a machine remembers.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func sharesSurviveRestartsAndSeveralGateways(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let weights = [1, 3, 2]
        var simulation = FairSimulation(weights: weights, capacity: 32)
        var other = FairShare()
        for round in 0..<2_000 {
            for project in weights.indices {
                while simulation.projects[project].waiting[1]?.count ?? 0 < 100 {
                    simulation.arrive(project, cost: Int.random(in: 50...150, using: &random))
                }
            }
            swap(&simulation.share, &other)
            if round % 40 == 0 { simulation.share = FairShare() }
            simulation.admit()
            simulation.complete(Int.random(in: 0...8, using: &random))
        }
        expectShares(simulation.tokens(in: 0..<simulation.admitted.count), weights, tolerance: 0.1, "seed \(seed)")
    }

    @Test func prioritiesShareByTheirWeights() {
        var simulation = FairSimulation(weights: [5])
        while simulation.admitted.count < 10_800 {
            for priority in TaskPriority.range where simulation.projects[0].waiting[priority]?.count ?? 0 < 10 {
                for _ in 0..<10 { simulation.arrive(0, priority: priority, cost: 100) }
            }
            simulation.admit()
            simulation.complete(8)
        }
        for priority in TaskPriority.range {
            let count = simulation.admitted.count { $0.priority == priority }
            let expected = 10_800 * TaskPriority.weight(priority) / TaskPriority.sumOfWeights
            #expect(abs(count - expected) <= max(10, expected / 10), "priority \(priority): \(count) of \(expected)")
        }
    }

    /// Random arrivals at random priorities: every task is admitted within the bound of `FairShare`'s documentation.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func nothingWaitsBeyondTheBound(seed: UInt64) {
        struct Wait {
            var admittedBefore: Int
            var bound: Int
        }
        var random = SplitMix64(state: seed)
        let weights = (0..<4).map { _ in Int.random(in: 1...20, using: &random) }
        var simulation = FairSimulation(weights: weights, capacity: 8, roomLimit: 4)
        simulation.readsTokensInFlight = false
        let highestCost = 200
        var waits: [Int: Wait] = [:]
        var seen = 0
        for step in 0..<2_400 {
            // More comes than can run, until the last third.
            for _ in 0..<(step < 1_600 ? Int.random(in: 0...6, using: &random) : 0) {
                let project = weights.indices.randomElement(using: &random) ?? 0
                let priority = Int.random(in: TaskPriority.range, using: &random)
                let cost = Int.random(in: 1...highestCost, using: &random)
                let number = simulation.arrive(project, priority: priority, cost: cost)
                let ahead = simulation.projects[project].waiting[priority, default: []].reduce(0) { $0 + $1.cost }
                let shares = Double(weights.reduce(0, +)) / Double(weights[project])
                let levels = Double(TaskPriority.sumOfWeights) / Double(TaskPriority.weight(priority))
                let own = ahead + simulation.roomLimit * highestCost
                let tasksAhead = TaskPriority.range.count + weights.count + 2 * simulation.roomLimit
                waits[number] = Wait(
                    admittedBefore: simulation.admittedTokens,
                    bound: Int((Double(own) * levels + Double(tasksAhead * highestCost)) * shares))
            }
            simulation.admit()
            var tokens = simulation.admittedTokens - simulation.admitted[seen...].reduce(0) { $0 + $1.item.cost }
            for admission in simulation.admitted[seen...] {
                tokens += admission.item.cost
                guard let wait = waits.removeValue(forKey: admission.item.number) else { continue }
                #expect(tokens - wait.admittedBefore <= wait.bound, "seed \(seed), priority \(admission.priority)")
            }
            seen = simulation.admitted.count
            simulation.complete(Int.random(in: 1...4, using: &random))
        }
    }

    /// As long as anything may run, no place stays empty; caps are never exceeded; who is capped or idle saves up nothing.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func usesAllRoomAndKeepsCaps(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let weights = (0..<6).map { _ in Int.random(in: 1...100, using: &random) }
        var simulation = FairSimulation(weights: weights, capacity: 24)
        for project in 0..<3 { simulation.projects[project].cap = Int.random(in: 1...6, using: &random) }
        for _ in 0..<1_000 {
            for _ in 0..<Int.random(in: 0...8, using: &random) {
                simulation.arrive(
                    weights.indices.randomElement(using: &random) ?? 0, priority: Int.random(in: 0...9, using: &random),
                    cost: Int.random(in: 1...1_000, using: &random))
            }
            // Projects without a cap take all that is left; the others no more than their caps.
            let room = simulation.room
            let isOpen = (3..<6).contains { !simulation.projects[$0].waiting.isEmpty }
            let allowances = (0..<3).filter { !simulation.projects[$0].waiting.isEmpty }.reduce(0) {
                $0 + max(0, (simulation.projects[$1].cap ?? 0) - simulation.inFlightCount($1))
            }
            let plan = simulation.admit()
            #expect(plan.turns.count == (isOpen ? room : min(room, allowances)))
            for project in 0..<3 { #expect(simulation.inFlightCount(project) <= simulation.projects[project].cap ?? 0) }
            simulation.complete(Int.random(in: 0...6, using: &random))
        }
    }

    /// B comes when all workers are A's: it catches up before A gets its next turn, and no further than its share.
    @Test func aNewcomerCatchesUpOnWhatIsInFlight() {
        var simulation = FairSimulation(weights: [1, 1], capacity: 16, roomLimit: 16)
        for _ in 0..<1_000 { simulation.arrive(0, cost: 100) }
        simulation.admit()
        for _ in 0..<30 {
            simulation.complete(1)
            simulation.admit()
        }
        for _ in 0..<100 { simulation.arrive(1, cost: 100) }
        let before = simulation.admitted.count
        for _ in 0..<40 {
            simulation.complete(1)
            simulation.admit()
        }
        let turns = simulation.admitted[before...].map(\.project)
        #expect(Array(turns.prefix(7)) == Array(repeating: 1, count: 7))
        #expect((18...26).contains(turns.count { $0 == 1 }), "\(turns)")
    }

    /// Nothing ends, and all places are A's: B gets its share beyond them at once, and A nothing.
    @Test func aNewcomerNeedsNoRoomToCatchUp() {
        var simulation = FairSimulation(weights: [1, 1], capacity: 16, roomLimit: 16)
        simulation.overdraft = 16
        for _ in 0..<1_000 { simulation.arrive(0, cost: 100) }
        for _ in 0..<3 { simulation.admit() }
        #expect(simulation.admitted.count == 16, "who is alone needs no catching up")
        for _ in 0..<4 { simulation.arrive(1, cost: 100) }
        simulation.admit()
        #expect(simulation.admitted.dropFirst(16).map(\.project) == [1, 1, 1, 1])
        for _ in 0..<100 { simulation.arrive(1, cost: 100) }
        simulation.admit()
        for _ in 0..<5 { simulation.admit() }
        #expect(simulation.inFlightCount(0) == 16)
        #expect((7...16).contains(simulation.inFlightCount(1)), "\(simulation.inFlightCount(1))")
    }

    /// Random projects that come and go while the places are full: the queues are never deeper than twice what they should be, and who has
    /// always something to do gets its share all the same.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func catchingUpIsBoundedAndCharged(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let weights = [Int.random(in: 1...5, using: &random), Int.random(in: 1...5, using: &random), 1, 1, 1]
        var simulation = FairSimulation(weights: weights, capacity: 16, roomLimit: 16)
        simulation.overdraft = 16
        for _ in 0..<4_000 {
            for project in 0..<2 {
                while simulation.projects[project].waiting[1]?.count ?? 0 < 50 {
                    simulation.arrive(project, cost: Int.random(in: 50...150, using: &random))
                }
            }
            if Int.random(in: 0..<10, using: &random) == 0 {
                let guest = Int.random(in: 2..<5, using: &random)
                for _ in 0..<Int.random(in: 1...10, using: &random) { simulation.arrive(guest, cost: 100) }
            }
            let room = simulation.room
            let plan = simulation.admit()
            #expect(plan.turns.count >= room, "seed \(seed): room stays empty")
            #expect(simulation.inFlightTotal <= 32, "seed \(seed)")
            simulation.complete(Int.random(in: 0...6, using: &random))
        }
        expectShares(
            Array(simulation.tokens(in: 0..<simulation.admitted.count).prefix(2)), Array(weights.prefix(2)), tolerance: 0.1, "seed \(seed)")
    }

    /// A project that sends one task of a million tokens at a time pays for it in turns.
    @Test func aDebtOutlivesAnEmptyBacklog() {
        var simulation = FairSimulation(weights: [1, 1], capacity: 1, roomLimit: 1)
        simulation.readsTokensInFlight = false
        for _ in 0..<400 { simulation.arrive(0, cost: 100) }
        simulation.admit()
        for _ in 0..<300 {
            if simulation.projects[1].waiting.isEmpty { simulation.arrive(1, cost: 10_000) }
            simulation.complete(1)
            simulation.admit()
        }
        let tokens = simulation.tokens(in: 0..<simulation.admitted.count)
        #expect(abs(tokens[0] - tokens[1]) <= 11_000, "\(tokens)")
    }

    /// Twice the projects cost about twice the work: the turns do not grow with what waits behind the first tasks.
    @Test func aPlanChoosesAmongProjectsNotTasks() {
        let entries = (0..<1_000).map { _ in BacklogEntry(projectID: .v7(), priority: 1, weight: 1, cost: 10) }
        var share = FairShare()
        var served: Set<UUID> = []
        for _ in 0..<10 {
            share.meet(entries, tokensInFlight: nil, endsPass: true)
            let plan = share.plan(entries, room: 100)
            #expect(plan.turns.count == 100)
            share.charge(
                plan.turns.map { AdmittedTask(id: .v7(), projectID: $0.projectID, priority: 1, attempt: 0, estimatedTokens: 10) },
                weights: [:])
            served.formUnion(plan.turns.map(\.projectID))
        }
        #expect(served.count == 1_000, "everybody got a turn")
    }

    /// The backlog is looked at page by page: a project's turns inside it survive the pages without it.
    @Test func pagesTakeTurns() {
        let pages = (0..<3).map { _ in (0..<4).map { _ in BacklogEntry(projectID: .v7(), priority: 1, weight: 1, cost: 10) } }
        var share = FairShare()
        var served: [UUID: Int] = [:]
        for round in 0..<300 {
            let page = pages[round % 3]
            share.meet(page, tokensInFlight: nil, endsPass: round % 3 == 2)
            for turn in share.plan(page, room: 2).turns {
                served[turn.projectID, default: 0] += 1
                share.charge(
                    [AdmittedTask(id: .v7(), projectID: turn.projectID, priority: 1, attempt: 0, estimatedTokens: 10)], weights: [:])
            }
        }
        #expect(served.count == 12)
        #expect(served.values.allSatisfy { (49...51).contains($0) }, "\(served.values)")
    }

    private func expectShares(_ tokens: [Int], _ weights: [Int], tolerance: Double, _ comment: Comment) {
        let total = Double(tokens.reduce(0, +))
        for (index, weight) in weights.enumerated() {
            let share = Double(tokens[index]) / total
            let expected = Double(weight) / Double(weights.reduce(0, +))
            #expect(abs(share / expected - 1) <= tolerance, "\(comment.rawValue): \(tokens) for \(weights)")
        }
    }
}
