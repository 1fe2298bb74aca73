public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// The project of the task that a call was made for. Indexes: `results_pkey`, `tasks_pkey`.
    public func projectID(ofResult id: UUID) async throws -> UUID? {
        try await database.query("SELECT t.project_id FROM results r JOIN tasks t USING (task_id) WHERE r.result_id = \(id)") {
            try $0.decode(UUID.self)
        }.first
    }

    /// Stores what a user thinks of a result, once under the request's key.
    public func addFeedback(
        _ feedback: NewFeedback, on resultID: UUID, by userID: UUID, under request: IdempotentRequest? = nil
    ) async throws -> Creation<FeedbackRecord> {
        try await once(request, answering: { FirstAnswer(body: $0.json.text) }) { connection in
            let rows = try connection.query(
                """
                INSERT INTO result_feedback (feedback_id, result_id, user_id, rating, feedback_text)
                VALUES (\(feedback.id), \(resultID), \(userID), \(feedback.rating.map { Int32(clamping: $0) }), \(feedback.text))
                RETURNING \(unescaped: FeedbackRecord.columns)
                """)
            guard let row = rows.first else { throw Problem.notFound("result") }
            return try FeedbackRecord(row)
        }
    }

    /// What was said of a result, oldest first. Index: `idx_result_feedback_result_id`.
    public func feedback(on resultID: UUID, limit: Int, after cursor: PageCursor?) async throws -> Page<FeedbackRecord> {
        let rows = try await database.query(
            """
            SELECT \(unescaped: FeedbackRecord.columns) FROM result_feedback
            WHERE result_id = \(resultID) AND (\(cursor?.after)::uuid IS NULL OR feedback_id > \(cursor?.after))
            ORDER BY feedback_id LIMIT \(limit + 1)
            """, FeedbackRecord.init)
        return Page(rows, limit: limit, id: \.id)
    }
}

extension FeedbackRecord {
    fileprivate static let columns = "feedback_id, result_id, user_id, rating, feedback_text, created_at"

    fileprivate init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), resultID: try columns.next(), userID: try columns.next(), rating: try columns.next(),
            text: try columns.next(), createdAt: try columns.next())
    }
}
