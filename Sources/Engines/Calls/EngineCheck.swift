public import Domain
public import NIOURLSession

/// What a small real call to an engine showed: that it answers, or what is wrong, in words.
public struct EngineCheck: Sendable, Hashable {
    public let engine: String
    /// nil where the engine answered.
    public let fault: String?
    /// What to do about it, where that is known.
    public let advice: String?
    /// The fault's kind, a bounded word; `setup` where no call could be made at all.
    public let kind: String?
    public let statusCode: Int?
    /// The model that answered, as the engine names it.
    public let model: String?
    public let usage: TokenUsage?
    public let duration: Duration

    /// A question whose answer is short.
    static let question: JSONObject = ["prompt": "Answer with the single word: ok"]

    /// Asks the engine once, as a task would, and pays for a few tokens.
    ///
    /// - Parameters:
    ///   - timeout: shortens the engine's own limit, never lengthens it.
    ///   - secrets: where the process that asks finds them: a worker may have others.
    public static func check(
        _ definition: EngineDefinition, session: NIOURLSession, secrets: SecretSource = SecretSource(), hosts: EngineHosts = .any,
        timeout: Duration
    ) async -> EngineCheck {
        let start = ContinuousClock.now
        let registry = EngineRegistry(session: session, secrets: secrets, hosts: hosts)
        if let fault = registry.replace(with: [definition]).first {
            return EngineCheck(definition, fault: fault.reason, kind: "setup", duration: start.duration(to: .now))
        }
        do {
            let engine = try registry.engine(definition.name)
            do throws(EngineError) {
                return EngineCheck(definition, answer: try await engine.call(question, timeout: timeout))
            } catch {
                return EngineCheck(definition, error: error, duration: start.duration(to: .now))
            }
        } catch {
            return EngineCheck(definition, fault: "\(error)", kind: "setup", duration: start.duration(to: .now))
        }
    }

    private init(_ definition: EngineDefinition, answer: EngineAnswer) {
        engine = definition.name
        (fault, advice, kind, statusCode) = (nil, nil, nil, nil)
        model = answer.model
        usage = answer.usage
        duration = answer.processingTime
    }

    private init(_ definition: EngineDefinition, error: EngineError, duration: Duration) {
        engine = definition.name
        fault = error.message
        advice = error.advice(for: definition)
        kind = error.kind.rawValue
        statusCode = error.statusCode
        (model, usage) = (nil, nil)
        self.duration = duration
    }

    private init(_ definition: EngineDefinition, fault: String, kind: String, duration: Duration) {
        engine = definition.name
        self.fault = fault
        self.kind = kind
        (advice, statusCode, model, usage) = (nil, nil, nil, nil)
        self.duration = duration
    }

    public var json: JSONValue {
        var object: JSONObject = ["engine": .string(engine), "ok": .bool(fault == nil)]
        object["error"] = fault.map(JSONValue.string)
        object["advice"] = advice.map(JSONValue.string)
        object["kind"] = kind.map(JSONValue.string)
        object["status_code"] = statusCode.map { .number(JSONNumber($0)) }
        object["model"] = model.map(JSONValue.string)
        object["usage"] = usage?.json
        object["duration_ms"] = .number(JSONNumber(Int(duration / .milliseconds(1))))
        return .object(object)
    }
}

extension EngineError {
    /// What an operator may do about a call that failed for the engine's definition; nil where the words say all.
    func advice(for definition: EngineDefinition) -> String? {
        switch statusCode {
        case 401, 403:
            definition.secret.map { "it does not take the key in \($0): is it the right one, and may it use the model?" }
                ?? "it asks for a key: name one with 'secret: env:NAME'"
        case 404: "does base_url (\(definition.baseURL)) end where the API begins, and is there a model '\(definition.model)'?"
        case let status? where (300...399).contains(status): "base_url (\(definition.baseURL)) leads elsewhere: write where it leads to"
        case let status? where kind == .permanent && status != 200: "is there a model '\(definition.model)', and does the key allow it?"
        case _ where kind == .refused: "it is there and takes the key, but not now: busy, or its quota is used up"
        case _ where kind == .notSent: "is base_url (\(definition.baseURL)) right, does the server run, and may this machine reach it?"
        case _ where kind == .unknown && wasSent: "it took the request and did not answer in time: is 'limits.timeout' long enough?"
        case _ where kind == .passing:
            "what answers may not speak engine_type '\(definition.engineType.rawValue)', or it has a fault of its own"
        default: nil
        }
    }
}
