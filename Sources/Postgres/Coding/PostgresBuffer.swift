/// Bytes in PostgreSQL's binary formats, growing at the end: all parameters of a query share one.
public struct PostgresBuffer: Sendable {
    private(set) var bytes: [UInt8] = []

    /// Why what was appended cannot be sent; the first reason stays.
    public private(set) var problem: String?

    var count: Int { bytes.count }

    /// Appends an integer in network byte order.
    public mutating func append(integer: some FixedWidthInteger) {
        withUnsafeBytes(of: integer.bigEndian) { bytes.append(contentsOf: $0) }
    }

    public mutating func append(bytes other: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: other)
    }

    public mutating func append(bytes other: [UInt8]) {
        bytes.append(contentsOf: other)
    }

    /// Appends the UTF-8 of a text. A NUL character is a problem: PostgreSQL's text cannot hold one.
    public mutating func append(text: String) {
        bytes.append(contentsOf: text.utf8)
        if text.holdsNUL { fail("a text holds a NUL character") }
    }

    /// Records that the value cannot be expressed in PostgreSQL; the query is then refused before it is sent.
    ///
    /// The reason must not quote the value: it becomes part of an error's description.
    public mutating func fail(_ reason: String) {
        if problem == nil { problem = reason }
    }

    /// Appends a value behind its length in four bytes (−1 for NULL), as arrays and COPY rows hold them.
    mutating func append(field value: some PostgresEncodable) {
        guard !value.isPostgresNull else { return append(integer: Int32(-1)) }
        let start = bytes.count
        append(integer: Int32(0))
        value.encode(into: &self)
        guard let length = Int32(exactly: bytes.count - start - 4) else { return fail("a value is longer than 2 GiB") }
        withUnsafeBytes(of: length.bigEndian) { length in
            bytes.withUnsafeMutableBytes { $0[start..<(start + 4)].copyBytes(from: length) }
        }
    }

    /// Hands over the bytes so far and starts again with none.
    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }
}

extension Slice where Base == UnsafeMutableRawBufferPointer {
    fileprivate func copyBytes(from source: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: self).copyMemory(from: source)
    }
}
