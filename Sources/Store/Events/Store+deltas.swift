import Domain
public import FoundationEssentials
import Postgres

/// A gateway's request for what a running task's calls say, as the worker gets it.
public struct ReadingRequest: Sendable, Hashable {
    public var taskID: UUID
    /// Where to send the pieces.
    public var channel: String
    /// Somebody has just begun to read.
    public var isFirst: Bool

    static let word = "read"

    /// Reads what came on a worker's channel: `read first|again TASK CHANNEL`. nil for anything else.
    public init?(payload: String) {
        let words = payload.split(separator: " ")
        guard words.count == 4, words[0] == Self.word, let taskID = UUID(text: String(words[2])),
            words[3].hasPrefix(Store.deltaChannelPrefix), words[3].utf8.count <= 63
        else { return nil }
        self.taskID = taskID
        channel = String(words[3])
        isFirst = words[1] == "first"
    }
}

extension Store {
    static let deltaChannelPrefix = "chorus_deltas_"

    /// The channel on which a gateway hears what running tasks say.
    public static func deltaChannel(of gateway: UUID) -> String {
        deltaChannelPrefix + gateway.text.filter { $0 != "-" }
    }

    /// Asks the workers that run these tasks to send what their engines say to `channel`. Index: `tasks_pkey`.
    public func askForDeltas(of taskIDs: [UUID], on channel: String, isFirst: Bool) async throws {
        let words = "\(ReadingRequest.word) \(isFirst ? "first" : "again")"
        _ = try await database.query(
            """
            SELECT count(pg_notify(chorus_worker_channel(assigned_worker_id), \(words) || ' ' || task_id || ' ' || \(channel)::text))
            FROM tasks WHERE task_id = ANY (\(taskIDs)) AND status = 'processing' AND assigned_worker_id IS NOT NULL
            """
        ) { try $0.decode(Int.self) }
    }

    /// Sends notifications that may be lost: nobody waits for the disk because of them.
    public func notify(_ notifications: [(channel: String, payload: String)]) async throws {
        try await database.pipeline([
            "SELECT set_config('synchronous_commit', 'off', TRUE)",
            """
            SELECT count(pg_notify(channel, payload))
            FROM unnest(\(notifications.map(\.channel)), \(notifications.map(\.payload))) AS n (channel, payload)
            """,
        ])
    }
}
