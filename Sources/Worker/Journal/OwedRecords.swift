import Domain
import FoundationEssentials
import Logging
import Synchronization

/// The outcomes that are on their way to the database, and the journal for those that take long.
///
/// While the database answers, an outcome is gone from here in milliseconds and the disk sees nothing of it. One look a moment puts what
/// is overdue into the journal, all of it with one flush.
final class OwedRecords: Sendable {
    /// How long an outcome may be under way before it goes into the journal.
    static let patience = Duration.milliseconds(300)
    private static let lookInterval = Duration.milliseconds(100)

    private enum Place {
        case memory, onItsWay, journal
    }

    private struct Record {
        var entry: JournalEntry
        var since: ContinuousClock.Instant
        var place: Place
    }

    private struct State {
        var records: [UInt64: Record] = [:]
        var lastTicket: UInt64 = 0
    }

    private let journal: Journal?
    private let logger: Logger
    private let state = Mutex(State())

    init(journal: Journal?, logger: Logger) {
        self.journal = journal
        self.logger = logger
    }

    var isFull: Bool { journal?.isFull ?? false }
    var isOwing: Bool { state.withLock { $0.records.values.contains { $0.place == .journal } } }

    func takeFound() async -> [JournalEntry] { await journal?.takeFound() ?? [] }

    /// Gives a ticket for the outcome, with which it is taken out again.
    func add(_ entry: JournalEntry, isInJournal: Bool = false) -> UInt64 {
        guard journal != nil else { return 0 }
        return state.withLock { state in
            state.lastTicket += 1
            state.records[state.lastTicket] = Record(entry: entry, since: .now, place: isInJournal ? .journal : .memory)
            return state.lastTicket
        }
    }

    func isInJournal(_ ticket: UInt64) -> Bool { state.withLock { $0.records[ticket]?.place == .journal } }

    /// The outcome was recorded.
    func remove(_ ticket: UInt64) async {
        guard journal != nil else { return }
        // What is on its way into the journal is settled there by whoever put it in.
        if state.withLock({ $0.records.removeValue(forKey: ticket) })?.place == .journal { await settle(1) }
    }

    /// Puts what is overdue into the journal, until the task is cancelled.
    func keepJournal() async {
        guard let journal else { return }
        while !Task.isCancelled {
            await look(journal)
            try? await Task.sleep(for: Self.lookInterval)
        }
    }

    private func look(_ journal: Journal) async {
        let now = ContinuousClock.now
        let overdue = state.withLock { state in
            let overdue = state.records.filter { $0.value.place == .memory && now - $0.value.since >= Self.patience }
            for ticket in overdue.keys { state.records[ticket]?.place = .onItsWay }
            return overdue
        }
        guard !overdue.isEmpty else { return }
        do {
            try await journal.append(overdue.values.map(\.entry))
        } catch {
            logger.error("outcomes could not be written to the journal", metadata: ["outcomes": "\(overdue.count)", "error": "\(error)"])
            state.withLock { state in
                for ticket in overdue.keys where state.records[ticket] != nil {
                    state.records[ticket]?.place = .memory
                    // Tried again after another moment.
                    state.records[ticket]?.since = now
                }
            }
            return
        }
        let recordedMeanwhile = state.withLock { state in
            for ticket in overdue.keys where state.records[ticket] != nil { state.records[ticket]?.place = .journal }
            return overdue.keys.count { state.records[$0] == nil }
        }
        logger.notice("the database keeps outcomes waiting: they are in the journal", metadata: ["outcomes": "\(overdue.count)"])
        if recordedMeanwhile > 0 { await settle(recordedMeanwhile) }
    }

    private func settle(_ count: Int) async {
        do {
            try await journal?.settle(count)
        } catch {
            logger.error("the journal could not be emptied", metadata: ["error": "\(error)"])
        }
    }
}
