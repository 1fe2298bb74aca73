public import Domain
public import FoundationEssentials
import Postgres

/// An event that is to be posted to an address.
public struct NewWebhookDelivery: Sendable, Hashable {
    public var projectID: UUID
    public var url: String
    public var seq: Int64
    public var event: EventName
    public var taskID: UUID?
    public var body: String

    public init(projectID: UUID, url: String, seq: Int64, event: EventName, taskID: UUID?, body: String) {
        self.projectID = projectID
        self.url = url
        self.seq = seq
        self.event = event
        self.taskID = taskID
        self.body = body
    }
}

/// The webhooks of a project.
public struct ProjectWebhooks: Sendable, Hashable {
    public var settings: [WebhookSetting]
    /// They are told of what comes behind this number.
    public var since: Int64
}

extension Store {
    private static let webhookReader = "webhooks"

    /// How far the log was read for webhooks; nil where no project has one. Indexes: `event_cursors_pkey`, `event_listeners_once`.
    public func webhookPosition() async throws -> Int64? {
        try await database.query(
            """
            SELECT seq FROM event_cursors
            WHERE reader = \(Self.webhookReader) AND EXISTS (SELECT FROM event_listeners WHERE kind = 'webhook')
            """
        ) { try $0.decode(Int64.self) }.first
    }

    /// The webhooks of those of the projects that have any. Indexes: `event_listeners_once`, `projects_pkey`.
    public func webhooks(ofProjects ids: [UUID]) async throws -> [UUID: ProjectWebhooks] {
        let rows = try await database.query(
            """
            SELECT p.project_id, coalesce(l.since, 0), p.settings -> 'webhooks'
            FROM event_listeners l JOIN projects p ON p.project_id = l.project_id
            WHERE l.kind = 'webhook' AND l.project_id = ANY (\(ids))
            """
        ) { row in
            var columns = row.columns
            let id = try columns.next(as: UUID.self)
            let since = try columns.next(as: Int64.self)
            return (id, ProjectWebhooks(settings: WebhookSetting.list(stored: try columns.nextOptionalJSON()), since: since))
        }
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }

    /// Notes deliveries and how far the log was read, both or none.
    ///
    /// - Returns: false where another gateway has read on from `position` meanwhile: these are its own affair. Index: `event_cursors_pkey`.
    public func addDeliveries(_ deliveries: [NewWebhookDelivery], from position: Int64, to end: Int64) async throws -> Bool {
        try await database.transaction { connection in
            let moved = try connection.execute(
                "UPDATE event_cursors SET seq = \(end) WHERE reader = \(Self.webhookReader) AND seq = \(position)")
            guard moved == 1 else { return false }
            guard !deliveries.isEmpty else { return true }
            try connection.execute(
                """
                INSERT INTO webhook_deliveries (delivery_id, project_id, url, seq, event, task_id, body)
                SELECT chorus_uuid_v7(), n.* FROM unnest(\(deliveries.map(\.projectID)), \(deliveries.map(\.url)), \(deliveries.map(\.seq)),
                    \(deliveries.map(\.event.rawValue)), \(deliveries.map(\.taskID)), \(deliveries.map(\.body)))
                    AS n (project_id, url, seq, event, task_id, body)
                JOIN projects p ON p.project_id = n.project_id
                """)
            return true
        }
    }
}
