public import Domain
public import FoundationEssentials
import Postgres

/// Whose membership it is about.
public enum MemberName: Sendable, Hashable {
    case id(UUID)
    /// The account's address, where somebody vouches that it is theirs: whoever registers with another's would be let in in their place.
    case email(String)
}

extension Store {
    /// The members of a project, in the order of their accounts. Indexes: `idx_project_members_unique`, `accounts_pkey`.
    public func members(of projectID: UUID, limit: Int, after cursor: PageCursor?) async throws -> Page<MemberRecord> {
        let rows = try await database.query(
            """
            SELECT \(unescaped: MemberRecord.columns)
            FROM project_members m JOIN accounts a USING (user_id)
            WHERE m.project_id = \(projectID) AND m.status = 'active' AND (\(cursor?.after)::uuid IS NULL OR m.user_id > \(cursor?.after))
            ORDER BY m.user_id LIMIT \(limit + 1)
            """, MemberRecord.init)
        return Page(rows, limit: limit, id: \.userID)
    }

    /// One member of a project. Indexes: `idx_project_members_unique`, `accounts_pkey`.
    public func member(_ userID: UUID, of projectID: UUID) async throws -> MemberRecord? {
        try await database.query(
            """
            SELECT \(unescaped: MemberRecord.columns)
            FROM project_members m JOIN accounts a USING (user_id)
            WHERE m.project_id = \(projectID) AND m.user_id = \(userID) AND m.status = 'active'
            """, MemberRecord.init
        ).first
    }

    /// Makes an account a member of a project, or gives a member another role, and writes it to the log.
    ///
    /// - Parameters:
    ///   - actor: the role of `person`, who does it.
    /// - Throws: a 404 where there is no such active account, what `MemberRules` forbids. Indexes: `projects_pkey`, `accounts_pkey`,
    ///   `accounts_email_key`, `idx_project_members_unique`.
    public func setMember(
        _ name: MemberName, of projectID: UUID, to role: ProjectRole, by person: UUID, as actor: ProjectRole
    ) async throws -> (record: MemberRecord, isNew: Bool) {
        try await database.transaction { connection in
            let place = try Self.lockedPlace(name, projectID, connection)
            try MemberRules.check(actor, from: place.role, to: role)
            let rows = try connection.query(
                """
                WITH m AS (
                    INSERT INTO project_members (member_id, project_id, user_id, role)
                    VALUES (chorus_uuid_v7(), \(projectID), \(place.userID), \(role.rawValue))
                    ON CONFLICT (project_id, user_id) DO UPDATE
                    SET role = excluded.role, status = 'active',
                        joined_at = CASE WHEN project_members.status = 'active' THEN project_members.joined_at ELSE excluded.joined_at END
                    RETURNING user_id, role, joined_at
                )
                SELECT \(unescaped: MemberRecord.columns) FROM m JOIN accounts a USING (user_id)
                """)
            guard let record = try rows.first.map(MemberRecord.init) else { throw Problem.notFound("account") }
            if place.role != role {
                try Self.log(
                    place.role == nil ? .memberAdded : .memberChanged, ofProjects: [projectID], by: person,
                    Self.facts(record.userID, record.email, from: place.role, to: role), connection)
            }
            return (record, place.role == nil)
        }
    }

    /// Takes a member out of a project, and writes it to the log. Throws like `setMember`; a 404 where they are none. Somebody may always
    /// take themselves out.
    public func removeMember(_ userID: UUID, of projectID: UUID, by person: UUID, as actor: ProjectRole) async throws {
        try await database.transaction { connection in
            let place = try Self.lockedPlace(.id(userID), projectID, connection, mustBeActive: false)
            guard let role = place.role else { throw Problem.notFound("member") }
            try MemberRules.check(person == userID && role != .owner ? .owner : actor, from: role, to: nil)
            try connection.execute(
                "UPDATE project_members SET status = 'removed' WHERE project_id = \(projectID) AND user_id = \(userID)")
            try Self.log(
                .memberRemoved, ofProjects: [projectID], by: person, Self.facts(userID, place.email, from: role, to: nil), connection)
        }
    }

    private static func facts(_ userID: UUID, _ email: String, from old: ProjectRole?, to new: ProjectRole?) -> JSONValue {
        [
            "user_id": .string(userID.text), "email": .string(email), "from": JSONValue(old?.rawValue), "to": JSONValue(new?.rawValue),
        ]
    }

    /// Who is meant, and what they are in the project, nil for nothing. The lock on the project orders changes of its members.
    private static func lockedPlace(
        _ name: MemberName, _ projectID: UUID, _ connection: isolated PostgresConnection, mustBeActive: Bool = true
    ) throws -> (userID: UUID, email: String, role: ProjectRole?) {
        let projects = try connection.query("SELECT user_id FROM projects WHERE project_id = \(projectID) FOR NO KEY UPDATE")
        guard let ownerID = try projects.first.map({ try $0.decode(UUID.self) }) else { throw Problem.notFound("project") }
        let (id, email): (UUID?, String?) =
            switch name {
            case .id(let id): (id, nil)
            case .email(let email): (nil, email)
            }
        let rows = try connection.query(
            """
            SELECT a.user_id, a.email, m.role
            FROM accounts a
                LEFT JOIN project_members m ON m.project_id = \(projectID) AND m.user_id = a.user_id AND m.status = 'active'
            WHERE (a.user_id = \(id) OR a.email = lower(\(email)) AND a.verification_status) AND (a.status = 'active' OR NOT \(mustBeActive))
            """)
        guard let row = rows.first else { throw Problem.notFound(mustBeActive ? "account" : "member") }
        let (userID, address, role) = try row.decode(UUID.self, String.self, String?.self)
        return (userID, address, userID == ownerID ? .owner : role.flatMap(ProjectRole.init))
    }
}

extension MemberRecord {
    static let columns = "user_id, a.email, a.full_name, m.role, m.joined_at"

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            userID: try columns.next(), email: try columns.next(), fullName: try columns.next(), role: try columns.nextCase(),
            joinedAt: try columns.next())
    }
}
