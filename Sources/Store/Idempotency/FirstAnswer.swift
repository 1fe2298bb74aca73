public import Domain
public import FoundationEssentials

/// What a request under a key is answered with when it comes again.
public struct FirstAnswer: Sendable, Hashable {
    /// The HTTP status code.
    public var status: Int
    /// The path of what was made.
    public var location: String?
    /// JSON.
    public var body: String

    public init(status: Int = 201, location: String? = nil, body: String) {
        self.status = status
        self.location = location
        self.body = body
    }

    /// For what was answered with a secret, which is kept nowhere: a repetition hears that it was made, and what id it has.
    public static func secret(of what: String, id: UUID) -> FirstAnswer {
        let problem = Problem.conflict(
            "The first request with this Idempotency-Key made the \(what) \(id.text). What it answered is shown only once.")
        return FirstAnswer(status: problem.status, body: problem.json.text)
    }
}

/// A first answer that was kept.
public struct RememberedAnswer: Sendable, Hashable {
    public var answer: FirstAnswer
    /// Of the request that got it.
    public var digest: [UInt8]
    /// When what it tells of was made.
    public var createdAt: Date

    /// Itself, where the request is the one that got it; a 409 where it is another one.
    public func matching(_ digest: [UInt8]) throws(Problem) -> RememberedAnswer {
        guard digest == self.digest else {
            throw .conflict(
                "This Idempotency-Key was used for another request.",
                errors: [FieldError(pointer: "Idempotency-Key", detail: "was used for another method, path or body")])
        }
        return self
    }

    /// The answer to one task, which is written down before its time is known: with `created_at`.
    public func dated() throws -> RememberedAnswer {
        guard var object = try JSONValue(parsing: Array(answer.body.utf8), limits: JSONLimits(depth: 512)).objectValue else { return self }
        object["created_at"] = JSONValue(createdAt)
        var dated = self
        dated.answer.body = JSONValue.object(object).text
        return dated
    }
}

/// What came of a request that makes something.
public enum Creation<Value: Sendable>: Sendable {
    case made(Value)
    /// An earlier request under the same key has made it.
    case repeated(RememberedAnswer)
}
