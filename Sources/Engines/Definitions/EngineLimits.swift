import Domain
import NIOURLSession

/// What an engine takes at once; nil means no limit.
public struct EngineLimits: Sendable, Hashable {
    /// Calls in flight, over the whole fleet.
    public var concurrency: Int?
    public var requestsPerMinute: Int?
    public var tokensPerMinute: Int?
    /// The longest a call may take, from the look for a connection to the last byte.
    public var timeout: Duration
    /// The longest until an answer begins. An engine that does not stream thinks all this time, and one that does may think before it
    /// speaks: nil allows what ``timeout`` does.
    public var firstByteTimeout: Duration?
    /// The longest between two pieces of an answer; nil allows what ``timeout`` does.
    public var idleTimeout: Duration?

    public init(
        concurrency: Int? = nil, requestsPerMinute: Int? = nil, tokensPerMinute: Int? = nil, timeout: Duration = .seconds(120),
        firstByteTimeout: Duration? = nil, idleTimeout: Duration? = nil
    ) {
        self.concurrency = concurrency
        self.requestsPerMinute = requestsPerMinute
        self.tokensPerMinute = tokensPerMinute
        self.timeout = timeout
        self.firstByteTimeout = firstByteTimeout
        self.idleTimeout = idleTimeout
    }

    init(_ reader: inout FieldReader) {
        let defaults = EngineLimits()
        concurrency = reader.integer("concurrency", in: 1...1_000_000)
        requestsPerMinute = reader.integer("requests_per_minute", in: 1...1_000_000_000)
        tokensPerMinute = reader.integer("tokens_per_minute", in: 1...1_000_000_000_000)
        timeout = reader.duration("timeout", in: .milliseconds(1) ... .seconds(86_400)) ?? defaults.timeout
        firstByteTimeout = reader.duration("first_byte_timeout", in: .milliseconds(1) ... .seconds(86_400))
        idleTimeout = reader.duration("idle_timeout", in: .milliseconds(1) ... .seconds(86_400))
        reader.finish()
    }

    var json: JSONValue {
        var object: JSONObject = [:]
        object["concurrency"] = concurrency.map { .number(JSONNumber($0)) }
        object["requests_per_minute"] = requestsPerMinute.map { .number(JSONNumber($0)) }
        object["tokens_per_minute"] = tokensPerMinute.map { .number(JSONNumber($0)) }
        object["timeout"] = .string(DurationText.text(timeout))
        object["first_byte_timeout"] = firstByteTimeout.map { .string(DurationText.text($0)) }
        object["idle_timeout"] = idleTimeout.map { .string(DurationText.text($0)) }
        return .object(object)
    }

    /// The limits of one call, which a task's deadline may shorten.
    func timeouts(atMost limit: Duration?) -> NIOURLSessionTimeouts {
        let call = min(limit ?? timeout, timeout)
        return NIOURLSessionTimeouts(
            firstByte: min(firstByteTimeout ?? call, call), idle: min(idleTimeout ?? call, call), call: call)
    }
}
