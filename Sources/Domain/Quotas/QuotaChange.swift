/// What an administrator sets a quota to, checked.
public struct QuotaChange: Sendable, Hashable {
    public var limit: Int

    /// Reads the body of `PUT /v1/accounts/{user_id}/quotas/{quota_type}`; everything wrong with it is in the problem.
    public init(reading body: JSONValue) throws(Problem) {
        var fields = try FieldReader(reading: body)
        fields.require("monthly_limit")
        let limit = fields.integer("monthly_limit", in: QuotaLimit.range)
        fields.finish()
        guard fields.errors.isEmpty, let limit else { throw .invalid(fields.errors) }
        self.limit = limit
    }
}

extension FieldReader {
    /// Checks a project's budget: a limit for each type that it bounds. The database reads it from the settings.
    mutating func checkBudget(_ key: String) {
        guard let object = object(key) else { return }
        var reader = FieldReader(object, at: pointer(to: key))
        for type in QuotaType.allCases { _ = reader.integer(type.rawValue, in: QuotaLimit.range) }
        reader.finish()
        append(reader.errors)
    }
}
