public import Domain
public import FoundationEssentials
import Postgres

/// A delivery that this process is to attempt, before its lease is over.
public struct ClaimedDelivery: Sendable, Hashable {
    public var id: UUID
    public var projectID: UUID
    public var url: String
    public var body: String
    /// This one included.
    public var attempts: Int
    /// How its webhook is set now; nil where the project has it no more.
    public var setting: WebhookSetting?
}

/// How an attempt ended.
public struct DeliveryOutcome: Sendable, Hashable {
    /// nil where it is over, one way or the other.
    public var retryAfter: Duration?
    public var isDelivered: Bool
    public var responseStatus: Int?
    public var error: String?

    public init(isDelivered: Bool, responseStatus: Int?, error: String?, retryAfter: Duration?) {
        self.isDelivered = isDelivered
        self.responseStatus = responseStatus
        self.error = error
        self.retryAfter = retryAfter
    }
}

extension Store {
    /// How long deliveries are kept, once they are over.
    static let deliveryLifetime = Duration.seconds(7 * 24 * 3_600)

    /// Deliveries that are due, the oldest first, for this process alone until `lease` has passed; eight of one address at most. Index:
    /// `idx_webhook_deliveries_due`.
    ///
    /// - Parameter busy: addresses that have enough to do.
    public func claimDeliveries(limit: Int, lease: Duration, busy: [String]) async throws -> [ClaimedDelivery] {
        try await database.query(
            """
            WITH oldest AS MATERIALIZED (
                SELECT delivery_id, url, next_attempt_at FROM webhook_deliveries
                WHERE status = 'pending' AND next_attempt_at <= clock_timestamp() AND url <> ALL (\(busy))
                ORDER BY next_attempt_at LIMIT 256
            ), placed AS MATERIALIZED (
                SELECT delivery_id, next_attempt_at, row_number() OVER (PARTITION BY url ORDER BY next_attempt_at) AS place FROM oldest
            ), due AS MATERIALIZED (
                SELECT d.delivery_id FROM webhook_deliveries d JOIN placed USING (delivery_id)
                WHERE placed.place <= 8 AND d.status = 'pending' AND d.next_attempt_at <= clock_timestamp()
                ORDER BY placed.next_attempt_at LIMIT \(limit) FOR UPDATE OF d SKIP LOCKED
            )
            UPDATE webhook_deliveries d
            SET attempts = d.attempts + 1, next_attempt_at = clock_timestamp() + \(lease / .seconds(1)) * interval '1 second'
            FROM due, projects p
            WHERE d.delivery_id = due.delivery_id AND p.project_id = d.project_id
            RETURNING d.delivery_id, d.project_id, d.url, d.body, d.attempts, p.settings -> 'webhooks'
            """
        ) { row in
            var columns = row.columns
            var delivery = ClaimedDelivery(
                id: try columns.next(), projectID: try columns.next(), url: try columns.next(), body: try columns.next(),
                attempts: try columns.next())
            delivery.setting = WebhookSetting.list(stored: try columns.nextOptionalJSON()).first { $0.url.text == delivery.url }
            return delivery
        }
    }

    /// Writes how an attempt ended; gives it up where the next one would come too late. False where the claim is over. Index:
    /// `webhook_deliveries_pkey`.
    @discardableResult
    public func settle(_ claim: ClaimedDelivery, _ outcome: DeliveryOutcome) async throws -> Bool {
        let wait = outcome.retryAfter.map { $0 / .seconds(1) }
        return try await database.execute(
            """
            UPDATE webhook_deliveries
            SET status = CASE
                    WHEN \(outcome.isDelivered) THEN 'delivered'
                    WHEN \(wait)::float8 IS NULL OR clock_timestamp() + \(wait) * interval '1 second' > expires_at THEN 'failed'
                    ELSE 'pending' END,
                next_attempt_at = CASE WHEN \(wait)::float8 IS NULL THEN next_attempt_at
                    ELSE clock_timestamp() + \(wait) * interval '1 second' END,
                delivered_at = CASE WHEN \(outcome.isDelivered) THEN clock_timestamp() END,
                response_status = \(outcome.responseStatus.map { Int32(clamping: $0) }), error = left(\(outcome.error), 500)
            WHERE delivery_id = \(claim.id) AND attempts = \(Int32(clamping: claim.attempts)) AND status = 'pending'
            """) == 1
    }

    /// The deliveries of a project, newest first. Index: `idx_webhook_deliveries_project`.
    public func deliveries(
        ofProject id: UUID, status: WebhookDeliveryStatus?, limit: Int, before cursor: PageCursor?
    ) async throws -> Page<WebhookDelivery> {
        let rows = try await database.query(
            """
            SELECT \(unescaped: WebhookDelivery.columns) FROM webhook_deliveries
            WHERE project_id = \(id) AND (\(cursor?.after)::uuid IS NULL OR delivery_id < \(cursor?.after))
                AND (\(status?.rawValue)::text IS NULL OR status = \(status?.rawValue))
            ORDER BY delivery_id DESC LIMIT \(limit + 1)
            """, WebhookDelivery.init)
        return Page(rows, limit: limit, id: \.id)
    }

    /// Has a delivery attempted anew, at once and for a day, whatever became of it. Throws a 404 where the project has none of that id, and
    /// a 409 where it is pending already. Index: `webhook_deliveries_pkey`.
    public func redeliver(_ id: UUID, ofProject projectID: UUID) async throws -> WebhookDelivery {
        let rows = try await database.query(
            """
            UPDATE webhook_deliveries
            SET status = 'pending', next_attempt_at = clock_timestamp(), expires_at = clock_timestamp() + interval '24 hours', delivered_at = NULL
            WHERE delivery_id = \(id) AND project_id = \(projectID) AND status <> 'pending'
            RETURNING \(unescaped: WebhookDelivery.columns)
            """, WebhookDelivery.init)
        if let row = rows.first { return row }
        let known = try await database.query(
            "SELECT 1 FROM webhook_deliveries WHERE delivery_id = \(id) AND project_id = \(projectID)"
        ) { try $0.decode(Int.self) }
        throw known.isEmpty ? Problem.notFound("delivery") : Problem.conflict("The delivery is pending: it is attempted by itself.")
    }

    /// Forgets the oldest deliveries that are over, `limit` at most, and gives their number. Index: `webhook_deliveries_pkey`, whose ids sort
    /// by time.
    public func forgetDeliveries(limit: Int, olderThan lifetime: Duration? = nil) async throws -> Int {
        let seconds = (lifetime ?? Self.deliveryLifetime) / .seconds(1)
        return try await database.execute(
            """
            DELETE FROM webhook_deliveries WHERE delivery_id IN (
                SELECT delivery_id FROM (SELECT * FROM webhook_deliveries ORDER BY delivery_id LIMIT \(limit)) AS oldest
                WHERE status <> 'pending' AND created_at < now() - \(seconds) * interval '1 second')
            """)
    }
}

extension WebhookDelivery {
    static let columns = """
        delivery_id, project_id, url, seq, event, task_id, status, attempts, next_attempt_at, response_status, error, created_at, delivered_at
        """

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), projectID: try columns.next(), url: try columns.next(), seq: try columns.next(),
            event: try columns.next(),
            taskID: try columns.next(), status: try columns.nextCase(), attempts: try columns.next(), nextAttemptAt: try columns.next(),
            responseStatus: try columns.next(), error: try columns.next(), createdAt: try columns.next(), deliveredAt: try columns.next())
    }
}
