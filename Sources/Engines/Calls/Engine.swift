public import Domain
import FoundationEssentials
import HTTPTypes
public import NIOURLSession

/// One engine that can be called: its definition, its wire format, its key, and the session that carries the calls.
public struct Engine: Sendable {
    public let definition: EngineDefinition
    private let format: any WireFormat
    private let secret: Secret?
    private let session: NIOURLSession

    /// Bytes of an error's body that are looked at.
    private static let maxErrorBytes = 64 << 10
    /// Answers may be nested deeper than what callers send: schemas come back in tool calls.
    private static let answerLimits = JSONLimits(depth: 128)

    /// - Parameter secret: what `definition.secret` stands for.
    public init(definition: EngineDefinition, secret: Secret?, session: NIOURLSession) throws(EngineSetupError) {
        guard let format = definition.engineType.wireFormat else {
            throw EngineSetupError(
                engine: definition.name, reason: "the engine type '\(definition.engineType.rawValue)' is not supported yet")
        }
        self.definition = definition
        self.format = format
        self.secret = secret
        self.session = session
    }

    /// Asks the engine once; there is no retry in here.
    ///
    /// - Parameters:
    ///   - input: a task's `input_data`.
    ///   - timeout: shortens the engine's own limit, never lengthens it.
    ///   - idempotencyKey: the same for every try whose work should be done once; engines that know the header `Idempotency-Key` keep to it.
    public func call(_ input: JSONObject, timeout: Duration? = nil, idempotencyKey: String? = nil) async throws(EngineError) -> EngineAnswer
    {
        let start = ContinuousClock.now
        let wire = try format.request(for: input, to: definition)
        var request = request(.post, wire.path)
        request.headerFields[.contentType] = "application/json"
        if let idempotencyKey, let name = HTTPField.Name("Idempotency-Key") { request.headerFields[name] = idempotencyKey }
        let limit = min(timeout ?? definition.limits.timeout, definition.limits.timeout)
        let answer: (body: [UInt8], response: HTTPResponse)
        do {
            // An answer in one piece is silent while the engine thinks: only the whole call has a limit.
            answer = try await session.upload(
                for: request, from: wire.body, timeouts: NIOURLSessionTimeouts(firstByte: limit, idle: limit, call: limit))
        } catch {
            throw EngineError(error).redacting(secret)
        }
        guard answer.response.status.kind == .successful else { throw refusal(answer) }
        do {
            let reply = try format.reply(from: try parse(answer))
            return EngineAnswer(
                reply, engine: definition.name, modelAskedFor: input["model"]?.stringValue ?? definition.model,
                processingTime: start.duration(to: .now))
        } catch {
            throw EngineError(error.kind, error.message, statusCode: answer.response.status.code).redacting(secret)
        }
    }

    /// Asks for something that costs nothing, to learn whether the engine is there and takes the key.
    public func probe(timeout: Duration = .seconds(10)) async throws(EngineError) {
        let answer: (body: [UInt8], response: HTTPResponse)
        do {
            answer = try await session.data(
                for: request(.get, format.probePath), timeouts: NIOURLSessionTimeouts(firstByte: timeout, idle: timeout, call: timeout))
        } catch {
            throw EngineError(error).redacting(secret)
        }
        // Some engines have no such path: they are there all the same.
        let isThere = answer.response.status.kind == .successful || [404, 405].contains(answer.response.status.code)
        guard isThere else { throw refusal(answer) }
    }

    private func request(_ method: HTTPRequest.Method, _ path: String) -> HTTPRequest {
        let url = definition.baseURL
        var request = HTTPRequest(method: method, scheme: url.scheme, authority: url.authority, path: url.path + path)
        request.headerFields[.accept] = "application/json"
        if let secret { format.authorize(&request.headerFields, with: secret) }
        return request
    }

    private func parse(_ answer: (body: [UInt8], response: HTTPResponse)) throws(EngineError) -> JSONValue {
        do {
            return try JSONValue(parsing: answer.body, limits: Self.answerLimits)
        } catch {
            let type = answer.response.headerFields[.contentType].map { " (\($0.prefix(100)))" } ?? ""
            throw EngineError(.passing, "the answer\(type) is not JSON: \(error)")
        }
    }

    private func refusal(_ answer: (body: [UInt8], response: HTTPResponse)) -> EngineError {
        let json = try? JSONValue(parsing: answer.body, limits: Self.answerLimits)
        let words = json.flatMap(format.errorMessage(in:)) ?? String(decoding: answer.body.prefix(Self.maxErrorBytes), as: UTF8.self)
        return EngineError(
            status: answer.response.status.code, fields: answer.response.headerFields, words: secret?.redacted(from: words) ?? words,
            now: Int(Date().timeIntervalSince1970))
    }
}

/// Why a definition makes no engine.
public struct EngineSetupError: Error, Sendable, Hashable, CustomStringConvertible {
    public let engine: String
    public let reason: String

    public var description: String { "engine \(engine): \(reason)" }
}
