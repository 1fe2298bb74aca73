public import Domain

/// Reads the log of events on: each entry once, in order, and none before a smaller number that may still come.
///
/// It holds nothing but its place: who keeps ``position`` goes on from there, here or in another process.
public struct EventLogReader: Sendable {
    /// How much a reader holds at once, and the database looks up for it.
    public static let pageLimit = 500

    private let store: Store
    private var order: EventOrder

    /// - Parameter position: from ``Store/settledLogEnd(within:)`` or an earlier reader's ``position``.
    public init(_ store: Store, after position: Int64) {
        self.store = store
        order = EventOrder(after: position)
    }

    /// Everything up to here was given, or never comes.
    public var position: Int64 { order.position }

    /// A number is missing that may still come: soon, as a rule.
    public var isBlocked: Bool { order.isBlocked }

    /// What may be handed on now, perhaps nothing. Entries of newer releases are passed over. Indexes: those of
    /// ``Store/logEntries(after:limit:)``.
    public mutating func next(limit: Int = Self.pageLimit) async throws -> [EventRecord] {
        // After the read that found the gap, and before the one that may pass over it.
        if order.isBlocked { order.writers(try await store.eventWriters()) }
        let entries = try await store.logEntries(after: order.position, limit: limit)
        let count = order.read(entries.map(\.seq))
        return entries.prefix(count).compactMap(\.event)
    }
}
