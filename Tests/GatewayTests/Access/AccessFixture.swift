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
        /// The owner, logged in.
        case session
        case nobody, revoked, expired
        /// Tokens of sessions that have ended, and a good one with a letter changed, or without a signature.
        case endedSession, expiredSession, tampered, unsigned

        var role: ProjectRole? { self == .session ? .owner : ProjectRole(rawValue: rawValue) }
        var isKnown: Bool {
            ![.nobody, .revoked, .expired, .endedSession, .expiredSession, .tampered, .unsigned].contains(self)
        }
    }

    let gateway: GatewayFixture
    let projectID: UUID
    let taskID: UUID
    let resultID: UUID
    /// Of a webhook.
    let deliveryID: UUID
    /// A member with the role viewer, to be made something else.
    let memberID: UUID
    private let owner: UUID
    private let users: [Actor: UUID]
    private var keys: [Actor: String] = [:]
    /// The id of a key of the owner, for projects that a session makes.
    private var ownersKeyText = ""

    static let guest = "guest@example.org"

    init(_ gateway: GatewayFixture) async throws {
        self.gateway = gateway
        var users: [Actor: UUID] = [:]
        func account(_ email: String, type: AccountRecord.Kind = .standard) async throws -> UUID {
            try await gateway.store.createAccount(email: email, password: try GatewayFixture.password.get(), fullName: nil, type: type)
        }
        for actor in [Actor.admin, .editor, .viewer] { users[actor] = try await account("\(actor)@example.org") }
        users[.administrator] = try await account("root@example.org", type: .admin)
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
        deliveryID = .v7()
        _ = try await gateway.database.execute(
            """
            INSERT INTO webhook_deliveries (delivery_id, project_id, url, seq, event, body, status)
            VALUES (\(deliveryID), \(projectID), 'https://example.org', 1, 'task.completed', '{}', 'delivered')
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
        let token = try await gateway.logIn()
        keys[.session] = token
        keys[.endedSession] = try await gateway.logIn()
        keys[.expiredSession] = try await gateway.logIn()
        // No gateway has seen it, so that none remembers it for a moment.
        try await gateway.store.endSession(try Self.sessionID(of: secret(.endedSession)), of: owner)
        let expiredID = try Self.sessionID(of: secret(.expiredSession))
        _ = try await gateway.database.execute("UPDATE sessions SET expires_at = now() WHERE session_id = \(expiredID)")
        keys[.tampered] = try Self.tampered(token)
        keys[.unsigned] = try Self.unsigned(token)
        let ownersKey = try await gateway.send(.get, "/v1/account").json["credential"]?["id"]?.stringValue
        ownersKeyText = try require(ownersKey)
    }

    /// What a token says, read without checking it.
    private static func payload(_ token: String) throws -> [UInt8] {
        let parts = token.split(separator: ".")
        return try require(parts.count == 3 ? Base64URL.bytes(parts[1]) : nil)
    }

    static func sessionID(of token: String) throws -> UUID {
        try require(try JSONValue(parsing: payload(token))["sid"]?.stringValue.flatMap { UUID(uuidString: $0) })
    }

    /// A token that would last for longer.
    private static func tampered(_ token: String) throws -> String {
        let parts = token.split(separator: ".")
        var claims = try require(try JSONValue(parsing: payload(token)).objectValue)
        claims["exp"] = .number(JSONNumber((claims["exp"]?.intValue ?? 0) + 1))
        return "\(parts[0]).\(Base64URL.text(JSONValue.object(claims).serialized())).\(parts[2])"
    }

    private static func unsigned(_ token: String) throws -> String {
        let header = JSONValue.object(["alg": "none", "typ": "JWT"]).serialized()
        return "\(Base64URL.text(header)).\(token.split(separator: ".")[1])."
    }

    func key(_ user: UUID, _ new: NewKey) async throws -> String { try await gateway.store.createKey(new, userID: user).key.secret }

    /// The owner's key without the scope.
    func keyWithout(_ scope: KeyScope) async throws -> String {
        try await key(owner, NewKey(name: nil, permissions: KeyPermissions(scopes: Set(KeyScope.allCases).subtracting([scope]))))
    }

    /// What stands for `:key_id`, `:session_id` and `:invitation_id` in a route: something of the owner's that may be ended.
    func newThing(for route: String) async throws -> String {
        if route.contains(":key_id") { return try await ownersKeyID().text }
        if route.contains(":session_id") { return try Self.sessionID(of: try await gateway.logIn()).text }
        let new = NewInvitation(email: nil, expiresAt: Date(timeIntervalSinceNow: 60))
        guard route.contains(":invitation_id"), case .made(let made) = try await gateway.store.invite(new, by: nil) else { return "" }
        return made.record.id.text
    }

    /// A key that the owner has, to be revoked.
    private func ownersKeyID() async throws -> UUID { try await gateway.store.createKey(NewKey(name: nil), userID: owner).record.id }

    /// As it was, whatever the last request made of it.
    func restore() async throws {
        _ = try await gateway.database.execute(
            "UPDATE project_members SET status = 'active', role = 'viewer' WHERE project_id = \(projectID) AND user_id = \(memberID)")
        _ = try await gateway.database.execute("UPDATE projects SET status = 'active' WHERE project_id = \(projectID)")
    }

    func secret(_ actor: Actor) -> String { keys[actor] ?? "" }

    /// The status and the body; of an answer without end the status alone.
    func send(_ method: HTTPRequest.Method, _ path: String, _ entry: AccessMatrix.Entry, key: String) async throws -> (Int, JSONValue) {
        let isToken = key == secret(.session)
        let body = (isToken ? entry.bodyOfSession ?? entry.body : entry.body)?.replacing("#", with: Self.guest)
            .replacing("%", with: ownersKeyText).replacing("$", with: UUID().text)
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
