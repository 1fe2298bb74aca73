/// The one error of this module. Never holds a password.
public struct AMQPError: Error {
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// No broker could be reached.
        case connectionFailed = "connection_failed"
        /// The broker refused the user, the password or the virtual host.
        case authenticationFailed = "authentication_failed"
        /// The connection broke.
        case connectionLost = "connection_lost"
        /// The broker closed the connection; `brokerCode` and `brokerText` say why.
        case connectionClosed = "connection_closed"
        /// The broker closed the channel over a wrong request; `brokerCode` and `brokerText` say why.
        case channelClosed = "channel_closed"
        /// The broker did not answer in time.
        case timedOut = "timed_out"
        /// The broker is short of memory or disk and takes no messages.
        case blocked
        /// There is no connection now.
        case notConnected = "not_connected"
        /// Too many messages or questions wait already.
        case overloaded
        /// Not every message was confirmed; `outcomes` holds one entry a message.
        case unconfirmed
        /// A URL, name, message or topology that cannot be used.
        case invalid
        /// The broker sent what this client does not understand, or more than it accepts.
        case protocolViolation = "protocol_violation"
    }

    public let code: Code
    public let message: String
    /// The reply code of AMQP 0-9-1, such as 404 (not found) or 406 (precondition failed).
    public let brokerCode: Int?
    /// The broker's own words.
    public let brokerText: String?
    /// What became of each message of the batch, in its order; empty unless publishing failed after it began.
    public var outcomes: [AMQPPublishOutcome]
    public let file: String
    public let line: UInt

    public init(
        _ code: Code, _ message: String, brokerCode: Int? = nil, brokerText: String? = nil, outcomes: [AMQPPublishOutcome] = [],
        file: String = #fileID, line: UInt = #line
    ) {
        self.code = code
        self.message = message
        self.brokerCode = brokerCode
        self.brokerText = brokerText
        self.outcomes = outcomes
        self.file = file
        self.line = line
    }

    /// Whether the same call may succeed later, with nothing changed on this side.
    ///
    /// Of the codes with which a broker closes, 320 (shutdown), 405 (locked), 506 (resources) and 541 (internal) may pass; 403, 404
    /// and 406 name a mistake.
    public var isRetryable: Bool {
        switch code {
        case .connectionFailed, .connectionLost, .timedOut, .blocked, .notConnected, .overloaded: true
        case .connectionClosed: brokerCode.map { $0 == 320 || $0 == 541 || $0 == 506 } ?? true
        case .channelClosed: brokerCode.map { $0 == 405 || $0 == 506 || $0 == 541 } ?? true
        case .unconfirmed: !outcomes.contains { if case .returned = $0 { true } else { false } }
        case .authenticationFailed, .invalid, .protocolViolation: false
        }
    }

    /// A text out of a small set, for metric labels.
    public var shortDescription: String {
        guard let brokerCode, (200...599).contains(brokerCode) else { return code.rawValue }
        return "\(code.rawValue)_\(brokerCode)"
    }
}

extension AMQPError: CustomStringConvertible {
    public var description: String {
        var text = "\(code.rawValue): \(message)"
        if let brokerCode { text += " [broker: \(brokerCode) \(brokerText ?? "")]" }
        if !outcomes.isEmpty {
            let confirmed = outcomes.count { $0 == .confirmed }
            text += " (\(confirmed) of \(outcomes.count) messages confirmed)"
        }
        return text + " at \(file):\(line)"
    }
}
