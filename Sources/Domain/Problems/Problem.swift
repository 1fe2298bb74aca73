/// An error as callers see it (RFC 9457, `application/problem+json`).
public struct Problem: Error, Sendable, Hashable {
    /// The HTTP status code.
    public var status: Int
    /// Short, the same for every occurrence of this kind.
    public var title: String
    /// What happened here, for a person.
    public var detail: String?
    /// The fields at fault.
    public var errors: [FieldError]
    /// Seconds after which the same request may succeed (`Retry-After`).
    public var retryAfter: Int?
    /// The quota that does not allow it.
    public var quota: ExhaustedQuota?

    public init(status: Int, title: String, detail: String? = nil, errors: [FieldError] = [], retryAfter: Int? = nil) {
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors
        self.retryAfter = retryAfter
    }

    public var json: JSONValue {
        let type = quota == nil ? "about:blank" : Self.quotaExceededType
        var object: JSONObject = ["type": .string(type), "title": .string(title), "status": .number(JSONNumber(status))]
        if let detail { object["detail"] = .string(detail) }
        if let quota {
            object["violated-policies"] = [.string(quota.policy)]
            object["quota"] = quota.quota.json
        }
        if !errors.isEmpty { object["errors"] = .array(errors.map(\.json)) }
        return .object(object)
    }
}

extension Problem: CustomStringConvertible {
    /// In a line, for people at a terminal.
    public var description: String {
        ([detail ?? title] + errors.map { "\($0.pointer) \($0.detail)" }).joined(separator: " ")
    }
}

/// One field at fault.
public struct FieldError: Sendable, Hashable {
    /// A JSON pointer (RFC 6901) into the body, or the name of a query parameter or path segment.
    public var pointer: String
    public var detail: String

    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }

    public var json: JSONValue { ["pointer": .string(pointer), "detail": .string(detail)] }
}

extension Problem {
    public static func badRequest(_ detail: String, errors: [FieldError] = []) -> Problem {
        Problem(status: 400, title: "Bad request", detail: detail, errors: errors)
    }

    public static let unauthorized = Problem(
        status: 401, title: "Unauthorized",
        detail: "Give a valid API key or a session's token as 'Authorization: Bearer …', or a key as 'X-API-Key: chs_…'.")

    /// Also for what exists but is not the caller's: a stranger cannot learn which ids exist.
    public static func notFound(_ what: String) -> Problem {
        Problem(status: 404, title: "Not found", detail: "There is no such \(what).")
    }

    public static func conflict(_ detail: String, errors: [FieldError] = []) -> Problem {
        Problem(status: 409, title: "Conflict", detail: detail, errors: errors)
    }

    /// The body is well formed, and wrong.
    public static func invalid(_ errors: [FieldError]) -> Problem {
        let detail = errors.count == 1 ? "One field is not valid." : "\(errors.count) fields are not valid."
        return Problem(status: 422, title: "Unprocessable content", detail: detail, errors: errors)
    }

    public static func unavailable(_ detail: String, retryAfter: Int = 2) -> Problem {
        Problem(status: 503, title: "Service unavailable", detail: detail, retryAfter: retryAfter)
    }

    /// What a JSON text that cannot be read is answered with: text that is no JSON is 400, JSON that cannot be stored is 422.
    public init(_ error: JSONError) {
        switch error.code {
        case .syntax, .encoding: self = .badRequest("The body is not JSON: \(error).")
        case .nul, .depth, .number, .duplicateKey: self = .invalid([FieldError(pointer: error.pointer, detail: error.message)])
        }
    }
}
