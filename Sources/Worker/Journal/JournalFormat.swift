/// How records stand in a journal file: pure.
///
/// A record is its payload's length and the CRC-32 of that length and the payload (ISO 3309, as in zlib), both as four bytes, the lowest
/// first; then the payload. A crash may tear the last record: what does not fit its checksum ends the file.
enum JournalFormat {
    /// Bytes in front of a payload.
    static let headerSize = 8
    /// The longest payload, in bytes: what claims more is no record.
    static let maxPayload = 64 << 20

    /// What a file holds.
    struct Contents: Sendable, Hashable {
        var payloads: [[UInt8]] = []
        /// Bytes up to the end of the last whole record.
        var validSize = 0
        /// Bytes behind it: torn by a crash, or damaged.
        var strayBytes = 0
    }

    static func record(_ payload: [UInt8]) -> [UInt8] {
        let length = bytes(UInt32(clamping: payload.count))
        return length + bytes(CRC32.checksum(length, payload[...])) + payload
    }

    static func read(_ file: [UInt8]) -> Contents {
        var contents = Contents()
        var position = 0
        while file.count - position >= headerSize {
            let length = Int(integer(file[position..<position + 4]))
            let start = position + headerSize
            guard length <= maxPayload, file.count - start >= length else { break }
            let payload = file[start..<start + length]
            let checksum = CRC32.checksum(Array(file[position..<position + 4]), payload)
            guard checksum == integer(file[position + 4..<start]) else { break }
            contents.payloads.append(Array(payload))
            position = start + length
        }
        contents.validSize = position
        contents.strayBytes = file.count - position
        return contents
    }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// CRC-32 (ISO 3309), a byte at a time from a table.
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }

    /// The checksum of one part behind the other.
    static func checksum(_ head: [UInt8], _ tail: ArraySlice<UInt8>) -> UInt32 {
        ~update(update(~0, head[...]), tail)
    }

    private static func update(_ value: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reduce(value) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    }
}
