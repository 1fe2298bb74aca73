public import Domain
import FoundationEssentials
import HTTPTypes
public import NIOURLSession

/// One engine that can be called: its definition, its wire format, its key, and the session that carries the calls.
public struct Engine: Sendable {
    public let definition: EngineDefinition
    let format: any WireFormat
    let secret: Secret?
    let session: NIOURLSession
    /// What every request carries beside the key.
    private let fields: HTTPFields
    let lessons = EngineLessons()

    /// - Parameter secret: what `definition.secret` stands for.
    public init(definition: EngineDefinition, secret: Secret?, session: NIOURLSession) {
        self.definition = definition
        self.format = definition.engineType.wireFormat
        self.secret = secret
        self.session = session
        var fields = format.fields
        fields[.accept] = "application/json, text/event-stream, application/x-ndjson"
        self.fields = fields
    }

    /// Asks the engine once; there is no retry in here. The answer streams, so that a call that breaks or is cancelled still knows what
    /// had come of it, unless the definition says otherwise; an engine that answers in one piece all the same is read that way.
    ///
    /// - Parameters:
    ///   - input: a task's `input_data`.
    ///   - timeout: shortens the engine's own limit, never lengthens it.
    ///   - idempotencyKey: the same for every try whose work should be done once; engines that know the header `Idempotency-Key` keep to it.
    ///   - progress: told of the text as it comes, where the answer streams.
    public func call(
        _ input: JSONObject, timeout: Duration? = nil, idempotencyKey: String? = nil, progress: AnswerProgress? = nil
    ) async throws(EngineError) -> EngineAnswer {
        let start = ContinuousClock.now
        let wire = try format.request(for: input, to: definition, streaming: definition.streams)
        let request = request(for: wire, idempotencyKey)
        let timeouts = definition.limits.timeouts(atMost: timeout)
        let reply =
            definition.streams
            ? try await stream(request, wire.body, timeouts, progress) : try await exchange(request, wire.body, timeouts)
        if let fault = ResponseFormat.fault(in: reply, askedFor: input) { throw fault.redacting(secret, statusCode: 200) }
        return EngineAnswer(
            reply, engine: definition.name, modelAskedFor: input["model"]?.stringValue ?? definition.model,
            processingTime: start.duration(to: .now))
    }

    /// Asks for something that costs nothing, to learn whether the engine is there and takes the key.
    public func probe(timeout: Duration = .seconds(10)) async throws(EngineError) {
        let answer: (body: [UInt8], response: HTTPResponse)
        let timeouts = NIOURLSessionTimeouts(firstByte: timeout, idle: timeout, call: timeout)
        do {
            answer = try await session.data(for: request(.get, format.probePath), timeouts: timeouts)
        } catch {
            throw EngineError(error, timeouts: timeouts).redacting(secret)
        }
        // Some engines have no such path: they are there all the same.
        let isThere = answer.response.status.kind == .successful || [404, 405].contains(answer.response.status.code)
        guard isThere else { throw refusal(answer.body, answer.response) }
    }

    func request(for wire: WireRequest, _ idempotencyKey: String?) -> HTTPRequest {
        var request = request(.post, wire.path)
        request.headerFields.append(HTTPField(name: .contentType, value: "application/json"))
        if let idempotencyKey, let name = Self.idempotencyKey { request.headerFields[name] = idempotencyKey }
        TraceHeader.write(to: &request.headerFields)
        return request
    }

    private func request(_ method: HTTPRequest.Method, _ path: String) -> HTTPRequest {
        let url = definition.baseURL
        var request = HTTPRequest(method: method, scheme: url.scheme, authority: url.authority, path: url.path(of: path))
        request.headerFields = fields
        if let secret { format.authorize(&request.headerFields, with: secret, at: url) }
        return request
    }

    private static let idempotencyKey = HTTPField.Name("Idempotency-Key")
}

/// Why a definition makes no engine.
public struct EngineSetupError: Error, Sendable, Hashable, CustomStringConvertible {
    public let engine: String
    public let reason: String

    public var description: String { "engine \(engine): \(reason)" }
}
