/// A value that never shows itself: not in logs, errors, interpolations or dumps.
public struct Secret: Sendable, Hashable {
    /// The value itself, for the one header that carries it.
    public let revealed: String

    public init(_ value: String) {
        self.revealed = value
    }

    /// `text` with every occurrence of the secret blotted out: a peer may send back what it was sent.
    public func redacted(from text: String) -> String {
        guard !revealed.isEmpty else { return text }
        var rest = text[...]
        var clean = ""
        while let range = rest.firstRange(of: revealed) {
            clean += rest[..<range.lowerBound]
            clean += "[redacted]"
            rest = rest[range.upperBound...]
        }
        return clean + rest
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "[redacted]" }
    public var debugDescription: String { "[redacted]" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
