/// Why a call brought no answer, and what that means for the task.
public struct EngineError: Error, Sendable, Hashable {
    /// The raw value is a bounded label for metrics and for `results`.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The request did not leave: no connection, no name, no certificate.
        case notSent = "not_sent"
        /// The fleet's gate held the call back: it was not made.
        case held
        /// The engine is busy (429, 503, 529) and did nothing.
        case refused
        /// The engine failed at it (other 5xx, 408, 409, 425, or an answer that cannot be read) and may do better later.
        case passing
        /// The same request would fail again (other 4xx, a redirect, an answer too large, input that cannot be sent).
        case permanent
        /// The request left and no answer came, or half of one: the engine may have done the work, and may bill it.
        case unknown
        /// The caller gave up.
        case cancelled
    }

    /// Characters kept of what an engine said.
    static let maxMessage = 2_000

    public let kind: Kind
    /// The engine's own words or the cause, at most 2,000 characters, without the secret.
    public let message: String
    /// The HTTP status, where one came.
    public let statusCode: Int?
    /// How long the engine asks to be left alone.
    public let retryAfter: Duration?
    /// The request, or a part of it, left this process.
    public let wasSent: Bool
    /// What had come of the answer until then.
    public let partial: PartialAnswer?

    public init(
        _ kind: Kind, _ message: String, statusCode: Int? = nil, retryAfter: Duration? = nil, wasSent: Bool? = nil,
        partial: PartialAnswer? = nil
    ) {
        self.kind = kind
        // PostgreSQL's text holds no U+0000.
        let storable = message.utf8.contains(0) ? String(message.filter { $0 != "\0" }) : message
        self.message = storable.count <= Self.maxMessage ? storable : String(storable.prefix(Self.maxMessage - 1)) + "…"
        self.statusCode = statusCode
        self.retryAfter = retryAfter
        self.wasSent = wasSent ?? (statusCode != nil || kind == .unknown || kind == .refused || kind == .passing)
        self.partial = partial
    }

    /// A label of which there are as many as kinds.
    public var shortDescription: String { kind.rawValue }
}

extension EngineError: CustomStringConvertible {
    public var description: String {
        "\(kind.rawValue)\(statusCode.map { " (HTTP \($0))" } ?? ""): \(message)"
    }
}
