import Domain
import Foundation
import Postgres
import Store
import Testing

/// What somebody is in a project, and which projects they see.
@Suite(.timeLimit(.minutes(2))) struct StandingTests {
    @Test func isTheRoleOfAnActiveMember() async throws {
        try await StoreFixture.with { fixture in
            let project = fixture.project.id
            func role(_ user: UUID) async throws -> ProjectRole? { try await fixture.store.standing(of: user, inProject: project)?.role }
            let owner = fixture.principal.userID
            #expect(try await role(owner) == .owner)
            _ = try await fixture.database.execute("UPDATE project_members SET role = 'viewer' WHERE user_id = \(owner)")
            #expect(try await role(owner) == .owner, "whatever the table of members says")
            _ = try await fixture.database.execute("DELETE FROM project_members WHERE user_id = \(owner)")
            #expect(try await role(owner) == .owner)

            let member = try await fixture.account("member@example.org")
            #expect(try await role(member) == nil)
            #expect(try await fixture.store.standing(of: member, inProject: UUID()) == nil)
            for expected in ProjectRole.allCases {
                try await fixture.join(member, expected)
                #expect(try await role(member) == expected)
            }
            _ = try await fixture.database.execute("UPDATE project_members SET status = 'removed' WHERE user_id = \(member)")
            #expect(try await role(member) == nil)
        }
    }

    /// Own projects and others', each once, newest first, in pages; a narrowed key sees its own only.
    @Test func listsWhatOneSees() async throws {
        try await StoreFixture.with { fixture in
            let member = try await fixture.account("member@example.org")
            let key = try await fixture.store.createKey(userID: member, name: nil).id
            let principal = Principal(userID: member, keyID: key)
            func list(_ principal: Principal, limit: Int) async throws -> [UUID] {
                var (ids, cursor): ([UUID], PageCursor?) = ([], nil)
                repeat {
                    let page = try await fixture.store.projects(of: principal, limit: limit, before: cursor)
                    ids += page.elements.map(\.id)
                    cursor = page.next
                } while cursor != nil
                return ids
            }
            #expect(try await list(principal, limit: 2).isEmpty)
            var expected = [fixture.project.id]
            try await fixture.join(member, .viewer)
            for number in 0..<5 {
                expected.insert(
                    try await fixture.store.createProject(try StoreFixture.newProject("P\(number)"), principal: principal).id, at: 0)
            }
            for limit in [1, 2, 3, 6, 50] { #expect(try await list(principal, limit: limit) == expected, "\(limit)") }
            var narrowed = principal
            narrowed.credential = .key(key, KeyPermissions(projects: [expected[1], expected[5], UUID()]))
            #expect(try await list(narrowed, limit: 1) == [expected[1], expected[5]])
            #expect(try await list(fixture.principal, limit: 9) == [fixture.project.id])
        }
    }
}

extension StoreFixture {
    func account(_ email: String) async throws -> UUID {
        try await store.createAccount(
            email: email,
            password: try PasswordHash(password: "correct horse", cost: ScryptCost(logRounds: 4, blockSize: 8, parallelism: 1)),
            fullName: nil)
    }

    /// Makes somebody a member of the fixture's project.
    func join(_ user: UUID, _ role: ProjectRole) async throws {
        _ = try await database.execute(
            """
            INSERT INTO project_members (member_id, project_id, user_id, role) VALUES (chorus_uuid_v7(), \(project.id), \(user), \(role.rawValue))
            ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role, status = 'active'
            """)
    }
}
