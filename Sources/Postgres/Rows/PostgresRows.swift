import CLibPQ

/// The result of one statement, held in libpq's memory until the last reference goes.
///
/// Not Sendable: decode rows into values of your own where the connection is, and carry those away.
public final class PostgresRows {
    private let result: LibPQResult
    public let count: Int
    let columnTypes: [PostgresType]

    init(_ result: consuming LibPQResult) {
        let pointer = result.pointer
        self.count = Int(PQntuples(pointer))
        self.columnTypes = (0..<PQnfields(pointer)).map { PostgresType(rawValue: PQftype(pointer, $0)) }
        self.result = result
    }

    /// Rows inserted, updated, deleted, merged or selected; 0 for other statements.
    public var affectedRows: Int {
        PQcmdTuples(result.pointer).flatMap { Int(String(cString: $0)) } ?? 0
    }

    public var columnCount: Int { columnTypes.count }

    public var columnNames: [String] { columnTypes.indices.map { columnName($0) ?? "" } }

    public var isEmpty: Bool { count == 0 }

    public var first: PostgresRow? { isEmpty ? nil : PostgresRow(rows: self, index: 0) }

    func columnName(_ index: Int) -> String? {
        PQfname(result.pointer, Int32(clamping: index)).map { String(cString: $0) }
    }

    /// The column of exactly that name; the first of several.
    func columnIndex(_ name: String) -> Int? {
        columnTypes.indices.first { columnName($0) == name }
    }

    /// Throws `.decoding` for a column that does not exist.
    func cell(row: Int, column: Int) throws(PostgresError) -> PostgresCell {
        guard column >= 0, column < columnTypes.count else {
            throw .decoding("column \(column) of \(columnTypes.count) columns")
        }
        let row = Int32(truncatingIfNeeded: row)
        let index = Int32(truncatingIfNeeded: column)
        guard PQgetisnull(result.pointer, row, index) == 0 else { return PostgresCell(type: columnTypes[column], bytes: nil) }
        let length = Int(PQgetlength(result.pointer, row, index))
        let start = PQgetvalue(result.pointer, row, index)
        return PostgresCell(type: columnTypes[column], bytes: UnsafeRawBufferPointer(start: start, count: length))
    }
}

extension PostgresRows: Sequence {
    public struct Iterator: IteratorProtocol {
        fileprivate let rows: PostgresRows
        fileprivate var index = 0

        public mutating func next() -> PostgresRow? {
            guard index < rows.count else { return nil }
            defer { index += 1 }
            return PostgresRow(rows: rows, index: index)
        }
    }

    public func makeIterator() -> Iterator { Iterator(rows: self) }

    public var underestimatedCount: Int { count }
}
