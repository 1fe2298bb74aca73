public import FoundationEssentials

/// What somebody thinks of a result, checked.
public struct NewFeedback: Sendable, Hashable {
    public var id: UUID
    /// 1 to 5, higher is better.
    public var rating: Int?
    public var text: String?

    /// Reads the body of `POST /v1/results/{id}/feedback`; everything wrong with it is in the problem.
    public init(reading body: JSONValue) throws(Problem) {
        var fields = try FieldReader(reading: body)
        rating = fields.integer("rating", in: 1...5)
        text = fields.string("feedback_text", length: 1...10_000)
        fields.finish()
        if fields.errors.isEmpty, rating == nil, text == nil { fields.fail("rating", "is required where there is no feedback_text") }
        guard fields.errors.isEmpty else { throw .invalid(fields.errors) }
        id = .v7()
    }
}
