import Domain
import FoundationEssentials
import Store

/// The room of engines that have limits or are closed, as one dispatcher sees it between two looks at the database.
struct EngineRooms: Sendable {
    /// How old a look may be. Meanwhile what is admitted here is counted.
    static let age = Duration.milliseconds(40)

    private(set) var rooms: [String: EngineRoom] = [:]
    private var readAt: ContinuousClock.Instant?

    /// Forgets the engines that have no limits any more, and are open.
    mutating func keep(_ held: HeldEngines) {
        guard !rooms.isEmpty else { return }
        rooms = rooms.filter { held.names.contains($0.key) }
    }

    /// The engines of which figures are needed before these tasks can be judged, if any.
    func engines(toReadFor entries: [BacklogEntry], held: HeldEngines, at now: ContinuousClock.Instant) -> [String] {
        let needed = Set(held.names).intersection(entries.lazy.filter(\.isDue).compactMap(\.neededEngine))
        guard !needed.isEmpty else { return [] }
        if let readAt, now - readAt < Self.age, needed.allSatisfy({ rooms[$0] != nil }) { return [] }
        return held.names
    }

    mutating func read(_ figures: [EngineFigures], at now: ContinuousClock.Instant) {
        rooms = Dictionary(figures.map { ($0.engine, EngineRoom($0)) }, uniquingKeysWith: { first, _ in first })
        readAt = now
    }

    /// The entries with what their engines allow: tasks of an engine without room are not due yet.
    func judged(_ entries: [BacklogEntry]) -> [BacklogEntry] {
        guard !rooms.isEmpty else { return entries }
        return entries.map { entry in
            guard let engine = entry.neededEngine, let room = rooms[engine], !room.isOpen else { return entry }
            var entry = entry
            entry.isHeld = entry.isHeld || entry.isDue
            entry.dueIn = max(entry.dueIn, max(room.opensIn, EngineRoom.pause))
            return entry
        }
    }

    /// Tasks are on their way.
    mutating func admitted(_ tasks: [AdmittedTask], of entries: [BacklogEntry]) {
        guard !rooms.isEmpty else { return }
        let needed = Dictionary(
            entries.map { (AdmissionPlan.Turn($0), $0.neededEngine) }, uniquingKeysWith: { first, _ in first })
        for task in tasks {
            let turn = AdmissionPlan.Turn(projectID: task.projectID, priority: task.priority, engine: task.engine)
            if let engine = needed[turn] ?? nil { rooms[engine]?.take(cost: task.estimatedTokens) }
        }
    }
}
