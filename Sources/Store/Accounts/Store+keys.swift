public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// Makes an API key for a user, as an operator does, and gives it back, this once.
    public func createKey(userID: UUID, name: String?) async throws -> (id: UUID, key: APIKey) {
        let made = try await createKey(NewKey(name: name), userID: userID)
        return (made.record.id, made.key)
    }

    /// As `createKey(_:by:)`, for an operator: no credential bounds it.
    public func createKey(_ new: NewKey, userID: UUID) async throws -> (record: KeyRecord, key: APIKey) {
        try await database.transaction { connection in try Self.insertKey(new, .random(), userID, with: nil, connection) }
    }

    /// Makes an API key for the principal and gives it back, this once, and once under the request's key. Each project that it names has a
    /// line in its log.
    ///
    /// A key that was made with a key ends with it at the latest. Throws a 401 where the principal's credential works no more: what the
    /// gateway remembers for a moment must not live on as a new key; a 422 that names projects that the user does not see. Indexes:
    /// `api_keys_pkey`, `sessions_pkey`, `accounts_pkey`, `projects_pkey`, `idx_project_members_unique`.
    public func createKey(
        _ new: NewKey, by principal: Principal, under request: IdempotentRequest? = nil
    ) async throws -> Creation<(record: KeyRecord, key: APIKey)> {
        let key = APIKey.random()
        guard let request else {
            return .made(
                try await database.transaction { connection in
                    try Self.insertKey(new, key, principal.userID, with: principal.credential, connection)
                })
        }
        return try await once(request, answering: { FirstAnswer.secret(of: "API key", id: $0.record.id) }) { connection in
            try Self.insertKey(new, key, principal.userID, with: principal.credential, connection)
        }
    }

    private static func insertKey(
        _ new: NewKey, _ key: APIKey, _ userID: UUID, with credential: Principal.Credential?, _ connection: isolated PostgresConnection
    ) throws -> (record: KeyRecord, key: APIKey) {
        let id = UUID.v7()
        let makerID: UUID? = if case .key(let id, _)? = credential { id } else { nil }
        let sessionID: UUID? = if case .session(let id)? = credential { id } else { nil }
        try requireSeen(new.permissions.projects ?? [], by: userID, connection)
        let rows = try connection.query(
            """
            INSERT INTO api_keys (key_id, user_id, api_key, name, expires_at, permissions)
            SELECT \(id), a.user_id, \(key.digest), \(new.name), least(\(new.expiresAt), maker.expires_at), \(new.permissions.json?.column)
            FROM accounts a
                LEFT JOIN api_keys maker ON maker.key_id = \(makerID) AND maker.user_id = a.user_id
                LEFT JOIN sessions s ON s.session_id = \(sessionID) AND s.user_id = a.user_id
            WHERE a.user_id = \(userID) AND a.status = 'active'
                AND (\(makerID)::uuid IS NULL
                    OR maker.status = 'active' AND (maker.expires_at IS NULL OR maker.expires_at > now()))
                AND (\(sessionID)::uuid IS NULL OR s.revoked_at IS NULL AND s.expires_at > now())
            RETURNING \(unescaped: KeyRecord.columns)
            """)
        guard let row = rows.first else { throw Problem.unauthorized }
        try log(
            .keyCreated, ofProjects: Array(new.permissions.projects ?? []), by: userID,
            ["key_id": .string(id.text), "name": JSONValue(new.name), "permissions": new.permissions.json ?? .null], connection)
        return (try KeyRecord(row), key)
    }

    private static func requireSeen(_ projects: Set<UUID>, by userID: UUID, _ connection: isolated PostgresConnection) throws {
        guard !projects.isEmpty else { return }
        let ids = Array(projects)
        let rows = try connection.query(
            """
            SELECT p.project_id FROM projects p
            WHERE p.project_id = ANY (\(ids))
                AND (p.user_id = \(userID) OR EXISTS (
                    SELECT FROM project_members m WHERE m.project_id = p.project_id AND m.user_id = \(userID) AND m.status = 'active'))
            """)
        let seen: Set<UUID> = try Set(rows.map { try $0.decode(UUID.self) })
        let unseen = projects.subtracting(seen).map(\.text).sorted()
        guard unseen.isEmpty else {
            throw Problem.invalid(unseen.map { FieldError(pointer: "/permissions/projects", detail: "there is no project \($0)") })
        }
    }

    /// The user's keys, newest first, revoked ones too. Index: `idx_api_keys_user_key`.
    public func keys(of userID: UUID, limit: Int, before cursor: PageCursor?) async throws -> Page<KeyRecord> {
        let rows = try await database.query(
            """
            SELECT \(unescaped: KeyRecord.columns) FROM api_keys
            WHERE user_id = \(userID) AND (\(cursor?.after)::uuid IS NULL OR key_id < \(cursor?.after))
            ORDER BY key_id DESC LIMIT \(limit + 1)
            """, KeyRecord.init)
        return Page(rows, limit: limit, id: \.id)
    }

    /// Revokes a key for ever, and gives it back; one that is revoked already stays so. The projects that it made, and those that it names,
    /// have a line in their log.
    ///
    /// - Parameter userID: whose key it must be; nil for an operator.
    /// - Throws: a 404 where there is no such key, or it is somebody else's. Indexes: `api_keys_pkey`, `idx_projects_user_id`.
    public func revokeKey(_ id: UUID, of userID: UUID?) async throws -> KeyRecord {
        try await database.transaction { connection in
            let known = try connection.query(
                """
                SELECT \(unescaped: KeyRecord.columns) FROM api_keys
                WHERE key_id = \(id) AND (\(userID)::uuid IS NULL OR user_id = \(userID)) FOR UPDATE
                """)
            guard var key = try known.first.map(KeyRecord.init) else { throw Problem.notFound("API key") }
            guard key.status == .active else { return key }
            try connection.execute("UPDATE api_keys SET status = 'revoked' WHERE key_id = \(id)")
            let made = try connection.query("SELECT project_id FROM projects WHERE user_id = \(key.userID) AND api_key = \(id)").map {
                try $0.decode(UUID.self)
            }
            // A project that is named may have gone.
            let names = Array(key.permissions.projects ?? [])
            let named = try connection.query("SELECT project_id FROM projects WHERE project_id = ANY (\(names))").map {
                try $0.decode(UUID.self)
            }
            try Self.log(
                .keyRevoked, ofProjects: Array(Set(made + named)), by: userID ?? key.userID,
                ["key_id": .string(id.text), "name": JSONValue(key.name)], connection)
            key.status = .revoked
            return key
        }
    }

    /// Writes when keys were used last, to the minute. Index: `api_keys_pkey`.
    public func markUsed(_ keys: [UUID: Date]) async throws {
        let entries = Array(keys)
        _ = try await database.execute(
            """
            UPDATE api_keys k SET last_used_at = u.used_at
            FROM unnest(\(entries.map(\.key)), \(entries.map(\.value))) AS u (key_id, used_at)
            WHERE k.key_id = u.key_id AND (k.last_used_at IS NULL OR k.last_used_at <= u.used_at - interval '1 minute')
            """)
    }
}

extension KeyRecord {
    static let columns = "key_id, user_id, name, status, created_at, last_used_at, expires_at, permissions"

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), userID: try columns.next(), name: try columns.next(), status: try columns.nextCase(),
            createdAt: try columns.next(), lastUsedAt: try columns.next(), expiresAt: try columns.next(),
            permissions: KeyPermissions(stored: try columns.nextOptionalJSON()))
    }
}
