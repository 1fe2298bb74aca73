import Domain

/// What an engine takes at once; nil means no limit.
public struct EngineLimits: Sendable, Hashable {
    /// Calls in flight, over the whole fleet.
    public var concurrency: Int?
    public var requestsPerMinute: Int?
    public var tokensPerMinute: Int?
    /// The longest a call may take, from the look for a connection to the last byte.
    public var timeout: Duration

    public init(
        concurrency: Int? = nil, requestsPerMinute: Int? = nil, tokensPerMinute: Int? = nil, timeout: Duration = .seconds(120)
    ) {
        self.concurrency = concurrency
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.timeout = timeout
    }

    init(_ reader: inout FieldReader) {
        let defaults = EngineLimits()
        concurrency = reader.integer("concurrency", in: 1...1_000_000)
        requestsPerMinute = reader.integer("requests_per_minute", in: 1...1_000_000_000)
        tokensPerMinute = reader.integer("tokens_per_minute", in: 1...1_000_000_000_000)
        timeout = reader.duration("timeout", in: .milliseconds(1) ... .seconds(86_400)) ?? defaults.timeout
        reader.finish()
    }

    var json: JSONValue {
        var object: JSONObject = [:]
        object["concurrency"] = concurrency.map { .number(JSONNumber($0)) }
        object["requests_per_minute"] = requestsPerMinute.map { .number(JSONNumber($0)) }
        object["tokens_per_minute"] = tokensPerMinute.map { .number(JSONNumber($0)) }
        object["timeout"] = .string(DurationText.text(timeout))
        return .object(object)
    }
}
