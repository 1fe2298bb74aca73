/// Which statements a connection has prepared, by text and parameter types: bounded, the least recently used one goes first.
///
/// Names are never used twice in a connection's life. Whatever becomes of a batch, a name means one statement or none.
struct StatementCache {
    struct Key: Hashable {
        var sql: String
        var types: [PostgresType]
    }

    enum Lookup: Equatable {
        case prepared(name: String)
        /// To be prepared under this name; `forget(_:)` takes it back should that fail.
        case new(name: String)
    }

    private struct Entry {
        var name: String
        var lastUse: UInt64
    }

    private let capacity: Int
    private var entries: [Key: Entry] = [:]
    private var uses: UInt64 = 0

    /// Prepared at the server still, but not wanted any more.
    private(set) var obsolete: [String] = []

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { entries.count }

    mutating func find(_ key: Key) -> Lookup {
        uses += 1
        if let index = entries.index(forKey: key) {
            entries.values[index].lastUse = uses
            return .prepared(name: entries.values[index].name)
        }
        if entries.count >= capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            entries[oldest.key] = nil
            obsolete.append(oldest.value.name)
        }
        let name = "s\(uses)"
        entries[key] = Entry(name: name, lastUse: uses)
        return .new(name: name)
    }

    /// The server does not know the statement.
    mutating func forget(_ key: Key) {
        entries[key] = nil
    }

    /// The statements are out of date, e.g. because a table has changed.
    mutating func discardAll() {
        obsolete += entries.values.map(\.name)
        entries.removeAll()
    }

    mutating func deallocated(_ name: String) {
        obsolete.removeAll { $0 == name }
    }
}
