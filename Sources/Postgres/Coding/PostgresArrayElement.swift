/// What an array in a parameter or column may consist of.
///
/// The whole array is one requirement, so that each element type has its own loop, compiled for it; and so that `UInt8`, which is
/// no SQL type, can make its arrays `bytea`.
public protocol PostgresArrayElement: Sendable {
    static var postgresArrayType: PostgresType { get }
    static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer)
    static func decodeArray(from cell: PostgresCell) throws(PostgresError) -> [Self]
}

extension PostgresArrayElement where Self: PostgresEncodable {
    /// One-dimensional, lower bound 1, as `array_recv` reads it; an empty array has no dimension.
    public static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer) {
        buffer.append(integer: Int32(elements.isEmpty ? 0 : 1))
        // "Has nulls": the server looks for itself.
        buffer.append(integer: Int32(0))
        buffer.append(integer: postgresType.rawValue)
        guard !elements.isEmpty else { return }
        guard let count = Int32(exactly: elements.count) else { return buffer.fail("an array has too many elements") }
        buffer.append(integer: count)
        buffer.append(integer: Int32(1))
        for element in elements { buffer.append(field: element) }
    }
}

extension PostgresArrayElement where Self: PostgresDecodable {
    public static func decodeArray(from cell: PostgresCell) throws(PostgresError) -> [Self] {
        var reader = PostgresReader(try cell.bytes(for: [Self].self))
        let dimensions = try reader.integer(as: Int32.self)
        _ = try reader.integer(as: Int32.self)
        let type = PostgresType(rawValue: try reader.integer(as: UInt32.self))
        guard dimensions != 0 else { return [] }
        guard dimensions == 1 else { throw .decoding("an array of \(dimensions) dimensions is no [\(Self.self)]") }
        let count = try reader.integer(as: Int32.self)
        _ = try reader.integer(as: Int32.self)
        // Each element has at least its length: a count beyond that is not believed.
        guard count >= 0, Int(count) <= reader.remaining / 4 else { throw .decoding("an array's length is wrong") }
        var elements: [Self] = []
        elements.reserveCapacity(Int(count))
        for _ in 0..<count {
            elements.append(try Self.decode(from: PostgresCell(type: type, bytes: try reader.field())))
        }
        return elements
    }
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    public static var postgresType: PostgresType { Element.postgresArrayType }
    public func encode(into buffer: inout PostgresBuffer) { Element.encodeArray(self, into: &buffer) }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    public static func decode(from cell: PostgresCell) throws(PostgresError) -> [Element] {
        try Element.decodeArray(from: cell)
    }
}
