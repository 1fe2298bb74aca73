import Domain
import Foundation
import HTTPTypes
import Logging
import NIOURLSession
import Postgres
import Store

@testable import Gateway

/// A gateway's project with everybody who may come to it.
struct AccessFixture {
    enum Actor: String, CaseIterable {
        case owner, admin, editor, viewer
        /// A member's key that has every scope but the one that is needed.
        case withoutScope
        /// A key of the owner, for another project.
        case elsewhere
        /// An administrator of Chorus who is no member.
        case administrator
        case stranger
        case nobody, revoked, expired

        var role: ProjectRole? { ProjectRole(rawValue: rawValue) }
        var isKnown: Bool { ![.nobody, .revoked, .expired].contains(self) }
    }

    let gateway: GatewayFixture
    let projectID: UUID
    let taskID: UUID
    let resultID: UUID
    /// A member with the role viewer, to be made something else.
    let memberID: UUID
    private let owner: UUID
    private let users: [Actor: UUID]
    private var keys: [Actor: String] = [:]

    static let guest = "guest@example.org"

    init(_ gateway: GatewayFixture) async throws {
        self.gateway = gateway
        var users: [Actor: UUID] = [:]
        func account(_ email: String, type: String = "standard") async throws -> UUID {
            try await gateway.store.createAccount(email: email, password: try GatewayFixture.password.get(), fullName: nil, type: type)
        }
        for actor in [Actor.admin, .editor, .viewer] { users[actor] = try await account("\(actor)@example.org") }
        users[.administrator] = try await account("root@example.org", type: "admin")
        _ = try await account(Self.guest)
        owner = try require(try await gateway.store.accountID(email: "owner@example.org"))
        users[.owner] = owner
        users[.stranger] = try require(try await gateway.store.accountID(email: "stranger@example.org"))
        self.users = users
        memberID = try await account("member@example.org")
        projectID = try require(UUID(uuidString: try await gateway.makeProject("Matrix")))
        let made = try await gateway.send(.post, "/v1/projects/\(projectID.text)/tasks", AccessMatrix.task)
        taskID = try require(made.json["task_id"]?.stringValue.flatMap { UUID(uuidString: $0) })
        resultID = .v7()
        _ = try await gateway.database.execute(
            """
            INSERT INTO results (result_id, task_id, engine_type, output_data, status)
            VALUES (\(resultID), \(taskID), 'openai', '{}', 'completed')
            """)
        for (user, role) in [
            (users[.admin], ProjectRole.admin), (users[.editor], .editor), (users[.viewer], .viewer), (memberID, .viewer),
        ] {
            guard let user else { continue }
            _ = try await gateway.store.setMember(.id(user), of: projectID, to: role, by: owner, as: .owner)
        }
        let other = try require(UUID(uuidString: try await gateway.makeProject("Other")))
        for (actor, user) in users { keys[actor] = try await key(user, NewKey(name: nil)) }
        keys[.elsewhere] = try await key(owner, NewKey(name: nil, permissions: KeyPermissions(projects: [other])))
        let revoked = try await gateway.store.createKey(NewKey(name: nil), userID: owner)
        _ = try await gateway.store.revokeKey(revoked.record.id, of: owner)
        keys[.revoked] = revoked.key.secret
        keys[.expired] = try await key(owner, NewKey(name: nil, expiresAt: Date(timeIntervalSinceNow: -1)))
        keys[.nobody] = ""
    }

    func key(_ user: UUID, _ new: NewKey) async throws -> String { try await gateway.store.createKey(new, userID: user).key.secret }

    /// The owner's key without the scope.
    func keyWithout(_ scope: KeyScope) async throws -> String {
        try await key(owner, NewKey(name: nil, permissions: KeyPermissions(scopes: Set(KeyScope.allCases).subtracting([scope]))))
    }

    /// A key that the owner has, to be revoked.
    func ownersKeyID() async throws -> UUID { try await gateway.store.createKey(NewKey(name: nil), userID: owner).record.id }

    /// As it was, whatever the last request made of it.
    func restore() async throws {
        _ = try await gateway.database.execute(
            "UPDATE project_members SET status = 'active', role = 'viewer' WHERE project_id = \(projectID) AND user_id = \(memberID)")
        _ = try await gateway.database.execute("UPDATE projects SET status = 'active' WHERE project_id = \(projectID)")
    }

    func secret(_ actor: Actor) -> String { keys[actor] ?? "" }

    /// The status and the body; of an answer without end the status alone.
    func send(_ method: HTTPRequest.Method, _ path: String, _ entry: AccessMatrix.Entry, key: String) async throws -> (Int, JSONValue) {
        let body = entry.body?.replacing("#", with: Self.guest)
        guard entry.streams else {
            let answer = try await gateway.send(method, path, body, key: key)
            return (answer.status, answer.json)
        }
        var request = HTTPRequest(method: method, scheme: "http", authority: "127.0.0.1:\(gateway.port)", path: path)
        if !key.isEmpty { request.headerFields[.authorization] = "Bearer \(key)" }
        let session = NIOURLSession(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            let (_, head) = try await session.bytes(for: request)
            await session.shutdown()
            return (head.status.code, .null)
        } catch {
            await session.shutdown()
            throw error
        }
    }
}

struct Missing: Error {}

/// Unwraps, where a test's own `#require` is out of reach.
func require<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Missing() }
    return value
}
