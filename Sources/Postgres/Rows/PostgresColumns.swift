/// Reads the columns of one row from left to right.
public struct PostgresColumns {
    private let row: PostgresRow
    private var position = 0

    init(row: PostgresRow) { self.row = row }

    /// The next column's value. A column that could not be decoded counts as read.
    public mutating func next<Value: PostgresDecodable>(as type: Value.Type = Value.self) throws(PostgresError) -> Value {
        defer { position += 1 }
        return try row.value(at: position)
    }

    /// Passes over columns.
    public mutating func skip(_ count: Int = 1) {
        position += count
    }
}
