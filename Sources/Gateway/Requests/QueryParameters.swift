import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore

/// Reads the query of a request, and gathers all that is wrong with it: the counterpart of `FieldReader` for `?name=value`.
///
/// `+` is a plus sign, not a space: no parameter holds spaces, and times hold offsets.
struct QueryParameters {
    private var values: [String: String] = [:]
    private var known: Set<String> = []
    private var errors: [FieldError] = []

    init(_ request: Request) { self.init(request.uri.query ?? "") }

    init(_ query: String) {
        for pair in query.split(separator: "&").prefix(100) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decoded(parts[0]), let value = PercentEncoding.decoded(parts.count > 1 ? parts[1] : "") else {
                errors.append(FieldError(pointer: String(parts[0].prefix(100)), detail: "is not percent-encoded UTF-8"))
                continue
            }
            if values.updateValue(value, forKey: name) != nil { fail(name, "is given more than once") }
        }
    }

    mutating func fail(_ name: String, _ detail: String) {
        errors.append(FieldError(pointer: String(name.prefix(100)), detail: detail))
    }

    mutating func string(_ name: String) -> String? {
        known.insert(name)
        return values[name]
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = string(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            fail(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    mutating func date(_ name: String) -> Date? {
        guard let text = string(name) else { return nil }
        guard let date = RFC3339.date(text) else {
            fail(name, "must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z")
            return nil
        }
        return date
    }

    mutating func uuid(_ name: String) -> UUID? {
        guard let text = string(name) else { return nil }
        guard let value = UUID(text: text) else {
            fail(name, "must be a UUID")
            return nil
        }
        return value
    }

    /// One or more words of an enumeration, with commas between them.
    mutating func cases<Value: RawRepresentable<String> & CaseIterable>(_ name: String, of type: Value.Type = Value.self) -> [Value]? {
        guard let text = string(name) else { return nil }
        let values = text.split(separator: ",", omittingEmptySubsequences: false).map { Value(rawValue: String($0)) }
        guard !values.contains(where: { $0 == nil }) else {
            fail(name, "must be one or more of \(Value.allCases.map(\.rawValue).joined(separator: ", ")), with commas between")
            return nil
        }
        return values.compactMap { $0 }
    }

    /// One word of an enumeration.
    mutating func oneCase<Value: RawRepresentable<String> & CaseIterable>(_ name: String, of type: Value.Type = Value.self) -> Value? {
        guard let text = string(name) else { return nil }
        guard let value = Value(rawValue: text) else {
            fail(name, "must be one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
            return nil
        }
        return value
    }

    /// `limit` and `cursor` of a list.
    mutating func page() -> PageRequest {
        let limit = integer("limit", in: PageRequest.limits) ?? PageRequest.standardLimit
        var cursor: PageCursor?
        if let text = string("cursor") {
            cursor = PageCursor(text: text)
            if cursor == nil { fail("cursor", "must be a 'next_cursor' of this list") }
        }
        return PageRequest(limit: limit, cursor: cursor)
    }

    /// Reports everything that is wrong, and the parameters that nobody read.
    mutating func finish() throws(Problem) {
        for name in values.keys.sorted() where !known.contains(name) { fail(name, "is not a known parameter") }
        guard errors.isEmpty else {
            let names = errors.map { "'\($0.pointer)' \($0.detail)" }.prefix(10).joined(separator: "; ")
            throw .badRequest("The query is not valid: \(names).", errors: errors)
        }
    }
}

/// Which page of a list a caller asks for.
struct PageRequest: Hashable {
    static let limits = 1...500
    static let standardLimit = 50

    var limit: Int
    var cursor: PageCursor?
}

extension PageRequest {
    /// Of a list whose query says nothing else.
    init(_ request: Request) throws(Problem) {
        var query = QueryParameters(request)
        self = query.page()
        try query.finish()
    }
}
