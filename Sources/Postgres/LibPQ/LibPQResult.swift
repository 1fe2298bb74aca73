import CLibPQ

/// Owns a `PGresult`.
struct LibPQResult: ~Copyable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    var status: ExecStatusType { PQresultStatus(pointer) }

    /// The server's error as ours.
    ///
    /// A message that libpq made itself, e.g. for a closed socket, has no SQLSTATE.
    func error(_ code: PostgresError.Code = .server, file: String = #fileID, line: Int = #line) -> PostgresError {
        var error = PostgresError(code, field(.message) ?? LibPQResult.trimmed(PQresultErrorMessage(pointer)), file: file, line: line)
        error.sqlState = field(.sqlState)
        error.detail = field(.detail)
        error.hint = field(.hint)
        error.constraint = field(.constraint)
        error.schema = field(.schema)
        error.table = field(.table)
        error.column = field(.column)
        error.dataType = field(.dataType)
        error.position = field(.position).flatMap { Int($0) }
        return error
    }

    /// The codes `PG_DIAG_…`: character constants, which Swift does not import.
    enum Field: UInt8 {
        /// In English whatever the server's language.
        case severity = 0x56  // V
        case message = 0x4D  // M
        case sqlState = 0x43  // C
        case detail = 0x44  // D
        case hint = 0x48  // H
        case position = 0x50  // P
        case schema = 0x73  // s
        case table = 0x74  // t
        case column = 0x63  // c
        case dataType = 0x64  // d
        case constraint = 0x6E  // n
    }

    private func field(_ field: Field) -> String? {
        PQresultErrorField(pointer, Int32(field.rawValue)).map { String(cString: $0) }
    }

    /// libpq's messages end with a line break and may have several lines.
    static func trimmed(_ message: UnsafePointer<CChar>?) -> String {
        guard let message else { return "" }
        return String(cString: message).split(separator: "\n").joined(separator: " ")
    }
}
