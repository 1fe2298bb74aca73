import Glibc

/// An event of a stream, so that those which say the same with another piece of text in it, or the very same, need no parser.
///
/// Nearly all of a stream is one event again and again with the next word in it. What stands around the word is compared byte by byte with
/// an event that was read wholly, and a word without escapes is taken as it stands: put in the place of another string, it leaves the text
/// valid JSON that says the same but for this string. Whatever differs elsewhere, or is only unusual, is for the parser.
struct EventTemplate: Sendable {
    /// A value that may be another one in each event.
    private struct Gap {
        enum Kind: Equatable {
            case piece, string, number
            /// A number that is read: which one.
            case count(Int)
        }

        var kind: Kind
        /// Where it stands: of a string what is between its quotes.
        var place: Range<Int>
    }

    /// What an event says beside what all of its kind say.
    struct Reading: Equatable {
        /// Empty where none is said.
        var piece: String
        /// Of the counted members, in their order.
        var counts: [Int] = []
    }

    /// Bytes of an event that is worth keeping.
    private static let maxEventBytes = 16 << 10

    private let event: [UInt8]
    private let gaps: [Gap]
    private let hasPiece: Bool
    private let countedMembers: Int

    /// nil for an event that says `piece` in escapes or more than once: then it is not plain which bytes are the piece. The same for the
    /// counted members.
    /// - Parameters:
    ///   - event: one JSON text, known to be valid.
    ///   - piece: nil where it says none.
    ///   - unread: members with values that nobody reads, and that may differ.
    ///   - counted: members with whole numbers that are read.
    init?(_ event: [UInt8], saying piece: String?, unread: [String], counted: [String] = []) {
        guard piece?.isEmpty != true, event.count <= Self.maxEventBytes, !event.contains(UInt8(ascii: "\\")) else { return nil }
        var gaps: [Gap] = []
        if let piece {
            guard let quoted = Self.onlyPlace(of: Array("\"\(piece)\"".utf8), in: event) else { return nil }
            gaps.append(Gap(kind: .piece, place: quoted.lowerBound + 1..<quoted.upperBound - 1))
        }
        for key in unread {
            guard let member = Self.onlyPlace(of: Array("\"\(key)\":".utf8), in: event) else { continue }
            gaps += Self.value(at: member.upperBound, in: event).map { [$0] } ?? []
        }
        for (index, key) in counted.enumerated() {
            guard let member = Self.onlyPlace(of: Array("\"\(key)\":".utf8), in: event),
                var gap = Self.value(at: member.upperBound, in: event), gap.kind == .number
            else { return nil }
            gap.kind = .count(index)
            gaps.append(gap)
        }
        gaps.sort { $0.place.lowerBound < $1.place.lowerBound }
        guard zip(gaps, gaps.dropFirst()).allSatisfy({ $0.place.upperBound < $1.place.lowerBound }) else { return nil }
        self.event = event
        self.gaps = gaps
        hasPiece = piece != nil
        countedMembers = counted.count
    }

    /// What another event says, if that is all by which the two differ.
    func reading(of other: ArraySlice<UInt8>) -> Reading? {
        event.withUnsafeBufferPointer { event in
            other.withUnsafeBufferPointer { other in
                var (position, otherPosition) = (0, 0)
                var piece = hasPiece ? nil : ""
                var counts = [Int](repeating: 0, count: countedMembers)
                for gap in gaps {
                    guard
                        Self.isSame(event, position..<gap.place.lowerBound, other, otherPosition),
                        let end = Self.end(of: gap.kind, in: other, from: otherPosition + gap.place.lowerBound - position)
                    else { return nil }
                    let start = otherPosition + gap.place.lowerBound - position
                    switch gap.kind {
                    case .piece:
                        piece = Self.string(UnsafeBufferPointer(rebasing: other[start..<end]))
                        if piece == nil { return nil }
                    case .count(let index):
                        counts[index] = other[start..<end].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
                    case .string, .number: break
                    }
                    (position, otherPosition) = (gap.place.upperBound, end)
                }
                let isSame =
                    other.count - otherPosition == event.count - position
                    && Self.isSame(event, position..<event.count, other, otherPosition)
                return isSame ? piece.map { Reading(piece: $0, counts: counts) } : nil
            }
        }
    }

    /// What `filled(with:)` writes for each number.
    static let count: UInt8 = 7

    /// The event with other values in its gaps, for a look at whether they are what they seem to be.
    func filled(with piece: String) -> [UInt8] {
        var filled: [UInt8] = []
        var position = 0
        for gap in gaps {
            filled += event[position..<gap.place.lowerBound]
            switch gap.kind {
            case .piece, .string: filled += piece.utf8
            case .number, .count: filled.append(UInt8(ascii: "0") + Self.count)
            }
            position = gap.place.upperBound
        }
        return filled + event[position...]
    }

    private static func string(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        bytes.allSatisfy { $0 < 0x80 } ? String(decoding: bytes, as: UTF8.self) : String(validating: bytes, as: UTF8.self)
    }

    private static func isSame(
        _ event: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ other: UnsafeBufferPointer<UInt8>, _ start: Int
    ) -> Bool {
        guard range.count <= other.count - start, let event = event.baseAddress, let other = other.baseAddress else { return false }
        return memcmp(event + range.lowerBound, other + start, range.count) == 0
    }

    /// Where a value ends; nil for one that is for the parser to judge.
    private static func end(of kind: Gap.Kind, in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        var end = start
        while end < bytes.count {
            let byte = bytes[end]
            switch kind {
            case .piece, .string:
                if byte == UInt8(ascii: "\"") { return end }
                // A piece's UTF-8 is looked at when it is taken; nobody takes the others.
                if byte == UInt8(ascii: "\\") || byte < 0x20 || byte >= 0x80 && kind == .string { return nil }
            case .number, .count:
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
                    let isPlain = end - start == 1 || end - start > 1 && end - start <= 18 && bytes[start] != UInt8(ascii: "0")
                    return isPlain ? end : nil
                }
            }
            end += 1
        }
        return nil
    }

    private static func value(at start: Int, in event: [UInt8]) -> Gap? {
        event.withUnsafeBufferPointer { bytes in
            guard let start = bytes[start...].firstIndex(where: { $0 != UInt8(ascii: " ") }) else { return nil }
            if bytes[start] == UInt8(ascii: "\"") {
                return end(of: .string, in: bytes, from: start + 1).map { Gap(kind: .string, place: start + 1..<$0) }
            }
            return end(of: .number, in: bytes, from: start).map { Gap(kind: .number, place: start..<$0) }
        }
    }

    /// Where `pattern`, which begins with a quote, stands; nil where it stands nowhere or more than once.
    private static func onlyPlace(of pattern: [UInt8], in event: [UInt8]) -> Range<Int>? {
        event.withUnsafeBufferPointer { event in
            pattern.withUnsafeBufferPointer { pattern in
                var place: Range<Int>?
                for start in 0..<max(0, event.count - pattern.count + 1) where event[start] == UInt8(ascii: "\"") {
                    guard isSame(pattern, 0..<pattern.count, event, start) else { continue }
                    if place != nil { return nil }
                    place = start..<start + pattern.count
                }
                return place
            }
        }
    }
}
