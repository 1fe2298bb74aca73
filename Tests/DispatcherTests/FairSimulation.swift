import Domain
import Foundation
import Store

@testable import Dispatcher

/// A backlog, workers and a dispatcher's machine, without a database: each step makes a plan, admits what there is, and ends some tasks.
struct FairSimulation {
    struct Item: Hashable {
        var number: Int
        var cost: Int
    }

    struct Project {
        var id: UUID
        var weight: Int
        var cap: Int?
        var waiting: [Int: [Item]] = [:]

        func entries(inFlight: Int) -> [BacklogEntry] {
            waiting.keys.sorted(by: >).compactMap { priority in
                waiting[priority]?.first.map {
                    BacklogEntry(
                        projectID: id, priority: priority, weight: weight, cost: $0.cost, allowance: cap.map { $0 - inFlight })
                }
            }
        }
    }

    var share = FairShare()
    var projects: [Project]
    /// How many tasks may be in flight.
    var capacity: Int
    /// The most tasks of one plan.
    var roomLimit: Int
    /// How many tasks more may be in flight, of projects that have less than their share.
    var overdraft = 0
    var readsTokensInFlight = true
    private(set) var inFlight: [(project: UUID, cost: Int)] = []
    /// Everything admitted so far, in order.
    private(set) var admitted: [(project: Int, priority: Int, item: Item)] = []
    private(set) var admittedTokens = 0
    private var lastNumber = 0

    init(weights: [Int], capacity: Int = 16, roomLimit: Int = 8) {
        projects = weights.map { Project(id: .v7(), weight: $0) }
        self.capacity = capacity
        self.roomLimit = roomLimit
    }

    var room: Int { max(0, min(roomLimit, capacity - inFlight.count)) }

    @discardableResult
    mutating func arrive(_ project: Int, priority: Int = 1, cost: Int) -> Int {
        lastNumber += 1
        projects[project].waiting[priority, default: []].append(Item(number: lastNumber, cost: cost))
        return lastNumber
    }

    func inFlightCount(_ project: Int) -> Int { inFlight.count { $0.project == projects[project].id } }

    var inFlightTotal: Int { inFlight.count }

    var entries: [BacklogEntry] { projects.indices.flatMap { projects[$0].entries(inFlight: inFlightCount($0)) } }

    /// One round of a dispatcher.
    @discardableResult
    mutating func admit() -> AdmissionPlan {
        let entries = entries
        let wanted = readsTokensInFlight && share.wantsTokensInFlight(for: entries)
        let tokens = wanted ? Dictionary(inFlight.map { ($0.project, $0.cost) }, uniquingKeysWith: +) : nil
        share.meet(entries, tokensInFlight: tokens, endsPass: true)
        let plan = share.plan(entries, room: room, overdraft: overdraft - max(0, min(overdraft, inFlight.count - capacity)))
        var tasks: [AdmittedTask] = []
        for turn in plan.turns {
            guard let index = projects.firstIndex(where: { $0.id == turn.projectID }),
                let item = projects[index].waiting[turn.priority]?.first
            else { continue }
            projects[index].waiting[turn.priority]?.removeFirst()
            if projects[index].waiting[turn.priority]?.isEmpty == true { projects[index].waiting[turn.priority] = nil }
            tasks.append(
                AdmittedTask(id: .v7(), projectID: turn.projectID, priority: turn.priority, attempt: 0, estimatedTokens: item.cost))
            admitted.append((index, turn.priority, item))
            admittedTokens += item.cost
            inFlight.append((turn.projectID, item.cost))
        }
        share.charge(tasks, weights: Dictionary(uniqueKeysWithValues: projects.map { ($0.id, $0.weight) }))
        return plan
    }

    /// The oldest tasks in flight end.
    mutating func complete(_ count: Int) { inFlight.removeFirst(min(count, inFlight.count)) }

    /// What each project was admitted, in tokens, in a part of the run.
    func tokens(in range: Range<Int>) -> [Int] {
        admitted[range].reduce(into: Array(repeating: 0, count: projects.count)) { $0[$1.project] += $1.item.cost }
    }
}
