import Domain
import Foundation
import HTTPTypes
import Postgres
import Store
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct RegistrationRouteTests {
    private static func body(_ email: String, invitation: String? = nil, name: String = "Ada") -> String {
        var object: JSONObject = ["email": .string(email), "password": "a long enough one", "full_name": .string(name)]
        if let invitation { object["invitation"] = .string(invitation) }
        return JSONValue.object(object).text
    }

    @Test func anybodyMayWhereItIsOpen() async throws {
        try await GatewayFixture.with { fixture in
            let made = try await fixture.send(.post, "/v1/accounts", Self.body("Ada@Example.org"), key: "")
            #expect(made.status == 201 && made.json["email"] == "ada@example.org" && made.json["account_type"] == "standard")
            #expect(made.json["verification_status"] == false && made.head.headerFields[.location] == "/v1/account")
            #expect(!made.json.text.contains("long enough"))
            let again = try await fixture.send(.post, "/v1/accounts", Self.body("ADA@example.org"), key: "")
            #expect(again.status == 409 && again.pointers == ["/email"])
            let token = try await fixture.logIn("ada@example.org", password: "a long enough one")
            #expect(try await fixture.send(.get, "/v1/account", key: token).json["full_name"] == "Ada")
            for (body, pointer) in [(#"{"email":"x@y","password":"short"}"#, "/password"), (Self.body("x"), "/email")] {
                let answer = try await fixture.send(.post, "/v1/accounts", body, key: "")
                #expect(answer.status == 422 && answer.pointers == [pointer])
            }
            let admin = try await fixture.send(
                .post, "/v1/accounts", #"{"email":"x@y","password":"a long enough one","account_type":"admin"}"#, key: "")
            #expect(admin.status == 422)

            // Whoever registers with another's address is not let in in their place.
            let project = try await fixture.makeProject()
            let members = "/v1/projects/\(project)/members"
            let unverified = try await fixture.send(.put, members, #"{"email":"ada@example.org","role":"viewer"}"#)
            #expect(unverified.status == 404)
            _ = try await fixture.store.verifyAccount(email: "ada@example.org")
            #expect(try await fixture.send(.put, members, #"{"email":"ada@example.org","role":"viewer"}"#).status == 201)
        }
    }

    @Test func nobodyMayWhereItIsClosed() async throws {
        try await GatewayFixture.with(configure: { $0.registration = .closed }) { fixture in
            for email in ["ada@example.org", "owner@example.org"] {
                let answer = try await fixture.send(.post, "/v1/accounts", Self.body(email), key: "")
                #expect(answer.status == 403)
            }
        }
    }

    /// An administrator invites, the code lets one account in, and who has none learns nothing.
    @Test func anInvitationLetsOneIn() async throws {
        try await GatewayFixture.with(configure: { $0.registration = .invite }) { fixture in
            _ = try await fixture.store.createAccount(
                email: "root@example.org", password: try GatewayFixture.password.get(), fullName: nil, type: .admin)
            let admin = try await fixture.logIn("root@example.org")
            let missing = try await fixture.send(.post, "/v1/accounts", Self.body("ada@example.org"), key: "")
            #expect(missing.status == 422 && missing.pointers == ["/invitation"])
            for email in ["ada@example.org", "owner@example.org"] {
                let refused = try await fixture.send(.post, "/v1/accounts", Self.body(email, invitation: "chi_wrong"), key: "")
                #expect(refused.status == 403 && refused.pointers == ["/invitation"])
            }

            let made = try await fixture.send(.post, "/v1/invitations", #"{"email":"Ada@Example.org"}"#, key: admin)
            let code = try #require(made.json["code"]?.stringValue)
            #expect(made.status == 201 && made.json["email"] == "ada@example.org")
            #expect(try await fixture.send(.post, "/v1/accounts", Self.body("bob@example.org", invitation: code), key: "").status == 403)
            let ada = try await fixture.send(.post, "/v1/accounts", Self.body("ada@example.org", invitation: code), key: "")
            #expect(ada.status == 201 && ada.json["verification_status"] == true)
            #expect(try await fixture.send(.post, "/v1/accounts", Self.body("ada@example.org", invitation: code), key: "").status == 403)
            let list = try await fixture.send(.get, "/v1/invitations", key: admin).json
            #expect(list["data"]?[0]?["used_by"] == ada.json["user_id"] && !list.text.contains(code))
            let stored = try await fixture.database.query("SELECT code FROM invitations") { try $0.decode(String.self) }
            #expect(!stored.contains(code))

            // Whoever comes first.
            let anybody = try await fixture.send(.post, "/v1/invitations", "{}", key: admin)
            let open = try #require(anybody.json["code"]?.stringValue)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<8 {
                    let body = Self.body("\(number)@example.org", invitation: open)
                    group.addTask { try await fixture.send(.post, "/v1/accounts", body, key: "").status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [201] + Array(repeating: 403, count: 7))

            // Taken back, and past its time.
            let withdrawn = try await fixture.send(.post, "/v1/invitations", "{}", key: admin)
            let path = "/v1/invitations/\(withdrawn.json["invitation_id"]?.stringValue ?? "")"
            #expect(try await fixture.send(.delete, path, key: admin).status == 204)
            #expect(try await fixture.send(.delete, path, key: admin).status == 404)
            let expired = try await fixture.send(.post, "/v1/invitations", "{}", key: admin)
            _ = try await fixture.database.execute("UPDATE invitations SET expires_at = now()")
            for dead in [withdrawn, expired] {
                let code = dead.json["code"]?.stringValue
                #expect(
                    try await fixture.send(.post, "/v1/accounts", Self.body("eve@example.org", invitation: code), key: "").status == 403)
            }
        }
    }

    @Test func aRegistrationIsRepeatedUnderItsKey() async throws {
        try await GatewayFixture.with { fixture in
            func register(_ body: String, _ key: String = "k") async throws -> GatewayFixture.Answer {
                try await fixture.send(.post, "/v1/accounts", body, key: "", headers: [.idempotencyKey: key])
            }
            let body = Self.body("ada@example.org")
            let answers = try await withThrowingTaskGroup(of: GatewayFixture.Answer.self) { group in
                for _ in 0..<10 { group.addTask { try await register(body) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 201 && $0.json == answers[0].json })
            #expect(answers.count { $0.head.headerFields[.idempotencyReplayed] == nil } == 1)
            #expect(try await register(Self.body("ada@example.org", name: "Eve")).status == 409, "another body")
            #expect(try await register(body.replacing("long", with: "lost")).status == 409, "another password")
            #expect(try await register(body, "l").status == 409, "another key")
            #expect(try await register(Self.body("bob@example.org")).status == 201, "keys belong to the account that they make")
            let kept = try await fixture.database.query("SELECT k::text FROM idempotency_keys k") { try $0.decode(String.self) }
            #expect(kept.count == 2 && !kept.contains { $0.contains("long enough") })
        }
    }

    /// The secret is shown once: a repetition hears which key there is.
    @Test func aKeyIsMadeOnceUnderItsName() async throws {
        try await GatewayFixture.with { fixture in
            func make(_ body: String) async throws -> GatewayFixture.Answer {
                try await fixture.send(.post, "/v1/api-keys", body, headers: [.idempotencyKey: "k"])
            }
            let (first, again, other) = (try await make("{}"), try await make("{}"), try await make(#"{"name":"x"}"#))
            let id = try #require(first.json["key_id"]?.stringValue)
            #expect(first.status == 201 && again.status == 409 && other.status == 409)
            #expect(again.json["detail"]?.stringValue?.contains(id) == true && again.head.headerFields[.idempotencyReplayed] == "true")
            #expect(other.pointers == ["Idempotency-Key"])
            let count = try await fixture.database.query("SELECT count(*) FROM api_keys") { try $0.decode(Int.self) }
            #expect(count == [3])
        }
    }
}
