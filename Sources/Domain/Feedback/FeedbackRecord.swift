public import FoundationEssentials

/// A row of `result_feedback`.
public struct FeedbackRecord: Sendable, Hashable {
    public var id: UUID
    public var resultID: UUID
    public var userID: UUID
    public var rating: Int?
    public var text: String?
    public var createdAt: Date

    public init(id: UUID, resultID: UUID, userID: UUID, rating: Int?, text: String?, createdAt: Date) {
        self.id = id
        self.resultID = resultID
        self.userID = userID
        self.rating = rating
        self.text = text
        self.createdAt = createdAt
    }

    public var json: JSONValue {
        [
            "feedback_id": .string(id.text), "result_id": .string(resultID.text), "user_id": .string(userID.text),
            "rating": JSONValue(rating), "feedback_text": JSONValue(text), "created_at": JSONValue(createdAt),
        ]
    }
}
