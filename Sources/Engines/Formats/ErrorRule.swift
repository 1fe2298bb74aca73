/// A row of a format's error table: which errors it matches, and what they mean.
struct ErrorRule: Sendable, Hashable {
    /// The engine's own name of the error: a `type`, `code` or `status` in its body; nil matches any.
    var name: String?
    /// nil matches any, also none: an error that is told within a stream has no status.
    var status: Int?
    /// How the engine's words begin; nil matches any.
    var messagePrefix: String?
    var kind: EngineError.Kind

    init(_ kind: EngineError.Kind, name: String? = nil, status: Int? = nil, messagePrefix: String? = nil) {
        self.name = name
        self.status = status
        self.messagePrefix = messagePrefix
        self.kind = kind
    }

    func matches(_ complaint: EngineComplaint, status: Int?) -> Bool {
        (name.map(complaint.names.contains) ?? true) && (self.status.map { $0 == status } ?? true)
            && (messagePrefix.map(complaint.message.hasPrefix) ?? true)
    }
}

/// What an engine says of its error.
struct EngineComplaint: Sendable, Hashable {
    /// In the engine's own words.
    var message: String
    /// How the engine names the error: whatever of `type`, `code` and `status` its body has.
    var names: [String] = []
    /// How long the body asks to wait.
    var retryAfter: Duration?
}

extension [ErrorRule] {
    /// What an error means. `status` is nil for one within a stream, or in an answer with status 200.
    func kind(of complaint: EngineComplaint, status: Int?) -> EngineError.Kind {
        first { $0.matches(complaint, status: status) }?.kind ?? EngineError.Kind(status: status)
    }
}

extension EngineError.Kind {
    /// What a status means where nothing else is known of the error.
    ///
    /// A gateway that gave up waiting (504, and Cloudflare's 524) does not know what became of the call behind it.
    init(status: Int?) {
        self =
            switch status {
            case 429, 503, 529: .refused
            case 504, 524: .unknown
            case nil, 408, 409, 425: .passing
            case .some(500...): .passing
            default: .permanent
            }
    }
}
