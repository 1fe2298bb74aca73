public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// Invites somebody, and gives the code, this once; once under the request's key.
    ///
    /// - Parameter person: the administrator who does it; nil for an operator.
    public func invite(
        _ new: NewInvitation, by person: UUID?, under request: IdempotentRequest? = nil
    ) async throws -> Creation<(record: InvitationRecord, code: InvitationCode)> {
        let (id, code) = (UUID.v7(), InvitationCode.random())
        return try await once(request, answering: { _ in FirstAnswer.secret(of: "invitation", id: id) }) { connection in
            let rows = try connection.query(
                """
                INSERT INTO invitations (invitation_id, code, email, created_by, expires_at)
                VALUES (\(id), \(code.digest), \(new.email?.text), \(person), \(new.expiresAt))
                RETURNING \(unescaped: InvitationRecord.columns)
                """)
            guard let row = rows.first else { throw Problem.notFound("invitation") }
            return (try InvitationRecord(row), code)
        }
    }

    /// Whether the code lets the address in, now. Index: `invitations_code_key`.
    public func isGood(_ code: InvitationCode, for email: EmailAddress) async throws -> Bool {
        let rows = try await database.query(
            """
            SELECT true FROM invitations
            WHERE code = \(code.digest) AND used_at IS NULL AND expires_at > now() AND coalesce(email, \(email.text)) = \(email.text)
            """
        ) { try $0.decode(Bool.self) }
        return !rows.isEmpty
    }

    /// Every invitation, newest first. Index: `invitations_pkey`.
    public func invitations(limit: Int, before cursor: PageCursor?) async throws -> Page<InvitationRecord> {
        let rows = try await database.query(
            """
            SELECT \(unescaped: InvitationRecord.columns) FROM invitations
            WHERE \(cursor?.after)::uuid IS NULL OR invitation_id < \(cursor?.after)
            ORDER BY invitation_id DESC LIMIT \(limit + 1)
            """, InvitationRecord.init)
        return Page(rows, limit: limit, id: \.id)
    }

    /// Takes an invitation back. Throws a 404 where there is none. Index: `invitations_pkey`.
    public func withdrawInvitation(_ id: UUID) async throws {
        let count = try await database.execute("DELETE FROM invitations WHERE invitation_id = \(id)")
        guard count == 1 else { throw Problem.notFound("invitation") }
    }
}

extension InvitationRecord {
    static let columns = "invitation_id, email, created_at, expires_at, used_at, used_by"

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), email: try columns.next(), createdAt: try columns.next(), expiresAt: try columns.next(),
            usedAt: try columns.next(), usedBy: try columns.next())
    }
}
