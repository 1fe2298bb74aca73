/// One row of a result. Reading throws `.decoding`, with the column's name, for a column that is missing, NULL or of another type.
public struct PostgresRow {
    let rows: PostgresRows
    let index: Int

    /// The columns from the first one on: `try row.decode(UUID.self, String.self, Int?.self)`. Columns behind them are ignored.
    public func decode<each Value: PostgresDecodable>(_ types: repeat (each Value).Type) throws(PostgresError) -> (repeat each Value) {
        var columns = columns
        return (repeat try columns.next(as: each types))
    }

    public subscript<Value: PostgresDecodable>(_ column: Int, as type: Value.Type = Value.self) -> Value {
        get throws(PostgresError) { try value(at: column) }
    }

    public subscript<Value: PostgresDecodable>(_ column: String, as type: Value.Type = Value.self) -> Value {
        get throws(PostgresError) {
            guard let index = rows.columnIndex(column) else { throw .decoding("no column is named \(column)") }
            return try value(at: index)
        }
    }

    /// A reader from left to right, to fill a struct of many fields in order.
    public var columns: PostgresColumns { PostgresColumns(row: self) }

    func value<Value: PostgresDecodable>(at column: Int) throws(PostgresError) -> Value {
        let cell = try rows.cell(row: index, column: column)
        do {
            return try Value.decode(from: cell)
        } catch {
            var error = error
            if error.column == nil { error.column = rows.columnName(column) }
            throw error
        }
    }
}
