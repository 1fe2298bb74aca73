import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import Synchronization

/// Answers the simulated engine's requests; a switch, since so few paths need no router.
final class SimulatedEngineResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    private struct State {
        var stats = SimulatedStats()
        var number: UInt64 = 0
        var window: RateWindow?
        var order: SimulatedOrder?
    }

    private let configuration: SimulatedEngineConfiguration
    private let seed: UInt64
    private let record: SimulatedRecord?
    private let state: Mutex<State>

    init(configuration: SimulatedEngineConfiguration, record: SimulatedRecord? = nil) {
        self.configuration = configuration
        self.record = record
        self.seed = configuration.seed ?? .random(in: 0 ... .max)
        self.state = Mutex(State(window: configuration.rateLimit.map(RateWindow.init(limit:))))
    }

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        if request.method == .post, let route = SimulatedRoute(path: request.uri.path) { return try await complete(request, at: route) }
        switch (request.method, request.uri.path) {
        case (.get, "/v1/models"):
            return .json(["object": "list", "data": [["id": "simulated", "object": "model", "created": 0, "owned_by": "chorus"]]])
        case (.get, "/v1beta/models"): return .json(["models": [["name": "models/simulated"]]])
        case (.get, "/api/tags"): return .json(["models": [["name": "simulated", "model": "simulated"]]])
        case (.get, "/health"): return .json(["status": "ok"])
        case (.get, "/stats"): return .json(bytes: state.withLock { $0.stats }.serialized())
        case (.delete, "/stats"):
            state.withLock { $0.stats.reset() }
            return Response(status: .noContent)
        case (.put, "/order"): return try await heed(request)
        case (.delete, "/order"):
            state.withLock { $0.order = nil }
            return Response(status: .noContent)
        default:
            return .error(404, "no such path: \(request.uri.path.prefix(100))", code: "not_found")
        }
    }

    private func heed(_ request: Request) async throws -> Response {
        var request = request
        let text = String(buffer: try await request.collectBody(upTo: 1_024))
        guard let order = SimulatedOrder(text) else { return .error(400, "unknown order: \(text.prefix(100))", code: "invalid_order") }
        state.withLock { $0.order = order }
        return Response(status: .noContent)
    }

    private func complete(_ request: Request, at route: SimulatedRoute) async throws -> Response {
        // The request keeps its body: only then can it be watched until the caller hangs up.
        var request = request
        let body: JSONValue
        do {
            var buffer = try await request.collectBody(upTo: configuration.maxBodyBytes)
            body = try JSONValue(parsing: buffer.readBytes(length: buffer.readableBytes) ?? [])
        } catch let error as JSONError {
            return .error(400, "the body is not JSON: \(error)", code: "invalid_json", in: route.dialect)
        } catch is NIOTooManyBytesError {
            return .error(
                413, "the body has more than \(configuration.maxBodyBytes) bytes", code: "request_too_large", in: route.dialect)
        }
        let key = HTTPField.Name.idempotencyKey.flatMap { request.headers[$0] } ?? body["user"]?.stringValue
        let (number, wait, order) = state.withLock { state in
            state.number += 1
            state.stats.began(key: key)
            return (state.number, state.window?.take(at: .now), state.order)
        }
        record?.began(key)
        // On record before the first byte leaves: an answer that somebody has is never missing there.
        let ending = SimulatedEnding { [self] status in
            state.withLock { $0.stats.ended(status: status, at: Int(Date().timeIntervalSince1970 * 1_000_000)) }
            record?.ended(key, status: status)
        }
        let ended = ending.known
        do {
            var fate = SimulatedFate(number: number, seed: seed, configuration: configuration)
            order?.apply(to: &fate, number: number, seed: seed)
            if let wait { fate.ending = .status(429, retryAfter: wait) }
            let response = try await answer(request, body, at: route, number: number, fate: fate, ended: ended)
            if response.streams { return response.response }
            ended(response.response.status.code)
            return response.response
        } catch {
            // The call ends with the connection or the engine: nobody hears the answer.
            ended(499)
            throw error
        }
    }

    /// The response, and whether its body ends the call when it is written.
    private func answer(
        _ request: Request, _ body: JSONValue, at route: SimulatedRoute, number: UInt64, fate: SimulatedFate,
        ended: @escaping @Sendable (Int) -> Void
    ) async throws -> (response: Response, streams: Bool) {
        var fate = fate
        if route.work != .chat { return (try await embed(request, body, at: route, fate: fate), false) }
        let question = SimulatedQuestion(body, at: route)
        if let refusal = obey(request, body, last: question.last, route.dialect, &fate) { return (refusal, false) }
        let completion: SimulatedCompletion
        do {
            completion = try SimulatedCompletion(question, number: number, echoLimit: configuration.echoLimit, words: fate.words)
        } catch {
            return (.error(400, error.message, code: error.code, in: route.dialect), false)
        }
        if case .answer = fate.ending { count(completion.promptTokens + completion.tokens.count) }
        if let pace = configuration.tokensPerSecond, !question.streams, fate.ending == .answer {
            fate.latency += .seconds(Double(completion.tokens.count) / pace)
        }
        try await think(fate.latency, about: request)
        // A request can be watched once: where the thought was not, the talk is.
        let caller = fate.latency > Self.longThought ? nil : request
        var answer = ending(fate.ending, question, completion, to: caller, ended: ended)
        if fate.latency > Self.longThought { answer.response.headers[.connection] = "close" }
        return answer
    }

    private func ending(
        _ ending: SimulatedFate.Ending, _ question: SimulatedQuestion, _ completion: SimulatedCompletion, to caller: Request?,
        ended: @escaping @Sendable (Int) -> Void
    ) -> (response: Response, streams: Bool) {
        let dialect = question.dialect
        switch ending {
        case .status, .garbage(.html): return (whole(ending, dialect, .null), false)
        case _ where question.streams:
            let pause = configuration.tokensPerSecond.map { Duration.seconds(1 / $0) }
            let script = SimulatedScript(ending, question, completion)
            let isLong = (pause ?? .zero) * completion.tokens.count > Self.longThought
            return (.playing(script, pause: pause, to: isLong ? caller : nil, sleep: sleep, ended: ended), true)
        default: return (whole(ending, dialect, dialect.answer(completion)), false)
        }
    }

    /// An answer in one piece, or what becomes of it.
    private func whole(_ ending: SimulatedFate.Ending, _ dialect: SimulatedDialect, _ answer: JSONValue) -> Response {
        switch ending {
        case .status(let status, let retryAfter):
            .error(status, "simulated", code: "simulated", retryAfter: retryAfter, in: dialect)
        case .cut: .cut
        case .stall: .stalled { [self] in try await sleep(.seconds(60)) }
        case .complaint: .error(529, "simulated", code: "simulated", in: dialect)
        case .garbage(let garbage): .garbage(garbage, insteadOf: answer)
        case .answer: .json(answer)
        }
    }

    /// Lets a request say what shall become of it; a refusal where that is not understood.
    private func obey(
        _ request: Request, _ body: JSONValue, last: String, _ dialect: SimulatedDialect, _ fate: inout SimulatedFate
    ) -> Response? {
        let header = HTTPField.Name.simulate.flatMap { request.headers[$0] }
        guard let command = SimulatedCommand.find(header: header, body: body, last: last), let misunderstood = fate.obey(command) else {
            return nil
        }
        return .error(400, "unknown simulation: \(misunderstood.prefix(100))", code: "invalid_simulation", in: dialect)
    }

    private func embed(_ request: Request, _ body: JSONValue, at route: SimulatedRoute, fate: SimulatedFate) async throws -> Response {
        var fate = fate
        let embeddings: SimulatedEmbeddings
        do {
            embeddings = try SimulatedEmbeddings(body, at: route)
        } catch {
            return .error(400, error.message, code: error.code, in: route.dialect)
        }
        if let refusal = obey(request, body, last: embeddings.texts.last ?? "", route.dialect, &fate) { return refusal }
        if case .answer = fate.ending { count(embeddings.promptTokens) }
        try await think(fate.latency, about: request)
        var answer = whole(fate.ending, route.dialect, route.dialect.answer(embeddings, at: route))
        if fate.latency > Self.longThought { answer.headers[.connection] = "close" }
        return answer
    }

    private func count(_ tokens: Int) { state.withLock { $0.stats.answers(tokens: tokens) } }

    private static let longThought = Duration.seconds(1)

    /// Waits as long as the answer takes. Longer thought ends when the caller hangs up, as it does with engines that know what work costs;
    /// Hummingbird closes the connection behind such an answer, so that short ones go without.
    private func think(_ duration: Duration, about request: Request) async throws {
        if duration <= Self.longThought { return try await sleep(duration) }
        try await request.body.consumeWithCancellationOnInboundClose { _ in try await self.sleep(duration) }
    }

    /// Waits without a thread; a long wait does not hold back a stop.
    private func sleep(_ duration: Duration) async throws {
        if duration <= .zero { return }
        if duration <= .seconds(1) { return try await Task.sleep(for: duration) }
        try await cancelWhenGracefulShutdown { try await Task.sleep(for: duration) }
    }
}

extension HTTPField.Name {
    fileprivate static let idempotencyKey = Self("Idempotency-Key")
    fileprivate static let simulate = Self("x-simulate")
}
