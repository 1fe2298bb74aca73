import Crypto
import Domain
import Foundation
import HTTPTypes
import Logging
import Postgres
import Store
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct SessionRouteTests {
    private static func login(_ email: String, _ password: String = GatewayFixture.passwordText) -> String {
        #"{"email":"\#(email)","password":"\#(password)"}"#
    }

    /// Somebody logs in, works, looks at their sessions, and logs out.
    @Test func aSessionsLife() async throws {
        try await GatewayFixture.with { fixture in
            let answer = try await fixture.send(
                .post, "/v1/sessions", Self.login("Owner@Example.org"), key: "", headers: [.userAgent: "test/1"])
            #expect(answer.status == 201, "\(answer.json)")
            let token = try #require(answer.json["token"]?.stringValue)
            let ends = try #require(answer.json["expires_at"]?.stringValue.flatMap(RFC3339.date))
            #expect(abs(ends.timeIntervalSinceNow - 43_200) < 60)
            let other = try await fixture.logIn()

            let account = try await fixture.send(.get, "/v1/account", key: token).json
            #expect(
                account["email"] == "owner@example.org" && account["credential"]?["kind"] == "session" && account["last_login"] != .null)
            let list = try await fixture.send(.get, "/v1/sessions", key: token).json["data"]?.arrayValue ?? []
            try #require(list.map { $0["current"] } == [false, true])
            #expect(list[1]["user_agent"] == "test/1" && list[1]["client_address"] == "127.0.0.1")
            #expect(try await fixture.send(.get, "/v1/sessions", key: fixture.strangersKey.secret).json["data"] == [])

            // A project that a session makes belongs to one of its user's keys.
            let nameless = try await fixture.send(.post, "/v1/projects", #"{"project_name":"Session's"}"#, key: token)
            #expect(nameless.status == 422 && nameless.pointers == ["/api_key"])
            let key = try await fixture.send(.get, "/v1/account").json["credential"]?["id"]?.stringValue ?? ""
            let made = try await fixture.send(.post, "/v1/projects", #"{"project_name":"Session's","api_key":"\#(key)"}"#, key: token)
            #expect(made.status == 201 && made.json["api_key"]?.stringValue == key)
            let path = "/v1/projects/\(made.json["project_id"]?.stringValue ?? "")/tasks"
            #expect(try await fixture.send(.post, path, GatewayTests.task, key: token).status == 201)

            #expect(try await fixture.send(.delete, "/v1/sessions/\(list[0]["session_id"]?.stringValue ?? "")", key: token).status == 204)
            #expect(try await fixture.send(.delete, "/v1/sessions/current", key: token).status == 204)
            // The gateway may still know the session for a moment: it makes no key all the same.
            #expect(try await fixture.send(.post, "/v1/api-keys", "{}", key: token).status == 401)
            for ended in [token, other] {
                try await eventually("the session is over", within: .seconds(5)) {
                    try await fixture.send(.get, "/v1/account", key: ended).status == 401
                }
            }
            #expect(try await fixture.send(.get, "/v1/sessions").json["data"] == [])
            let stored = try await fixture.database.query("SELECT s::text FROM sessions s") { try $0.decode(String.self) }
            #expect(stored.count == 2 && !stored.contains { $0.contains(token.split(separator: ".")[2]) })
        }
    }

    @Test func whoIsUnknownAndWhoIsWrongAreAnsweredAlike() async throws {
        try await GatewayFixture.with { fixture in
            func answer(_ email: String, _ password: String) async throws -> GatewayFixture.Answer {
                try await fixture.send(.post, "/v1/sessions", Self.login(email, password), key: "")
            }
            let wrong = try await answer("owner@example.org", "wrong horse battery")
            let unknown = try await answer("nobody@example.org", GatewayFixture.passwordText)
            let broken = try await answer("no address", "x")
            _ = try await fixture.store.createAccount(email: "service@example.org", password: nil, fullName: nil)
            #expect(try await answer("service@example.org", "!").json == wrong.json)
            #expect(wrong.status == 401 && unknown.status == 401 && broken.status == 401)
            #expect(wrong.json == unknown.json && wrong.json == broken.json)

            _ = try await fixture.store.setStatus(.disabled, ofAccount: "owner@example.org")
            #expect(try await answer("owner@example.org", "wrong horse battery").json == wrong.json)
            #expect(try await answer("owner@example.org", GatewayFixture.passwordText).status == 403)
            for body in ["{}", #"{"email":"a@b"}"#, #"{"email":1,"password":"x"}"#, #"{"email":"a@b","password":"x","y":1}"#, "[]"] {
                #expect(try await fixture.send(.post, "/v1/sessions", body, key: "").status == 422, "\(body)")
            }
        }
    }

    /// A disabled account's keys and sessions are refused, and work again when it is enabled.
    @Test func aDisabledAccountMayNothing() async throws {
        try await GatewayFixture.with { fixture in
            let token = try await fixture.logIn()
            for (status, expected) in [(AccountRecord.Status.disabled, 401), (.active, 200)] {
                _ = try await fixture.store.setStatus(status, ofAccount: "owner@example.org")
                for credential in [token, fixture.key.secret] {
                    try await eventually("it is \(status)", within: .seconds(5)) {
                        try await fixture.send(.get, "/v1/projects", key: credential).status == expected
                    }
                }
            }
        }
    }

    @Test func hashesAreRaisedAtLogin() async throws {
        try await GatewayFixture.with { fixture in
            func stored() async throws -> PasswordHash? { try await fixture.store.password(ofEmail: "owner@example.org")?.hash }
            let old = try PasswordHash(password: GatewayFixture.passwordText, cost: ScryptCost(logRounds: 3, blockSize: 8, parallelism: 1))
            _ = try await fixture.database.execute(
                "UPDATE accounts SET password_hash = \(old.text) WHERE email = 'owner@example.org'")
            #expect(try await fixture.send(.post, "/v1/sessions", Self.login("owner@example.org", "wrong"), key: "").status == 401)
            #expect(try await stored() == old)
            _ = try await fixture.logIn()
            let new = try await stored()
            #expect(new?.cost == GatewayFixture.cost)
            #expect(try new?.matches(GatewayFixture.passwordText) == true)
            _ = try await fixture.logIn()
            #expect(try await stored() == new, "once")
            _ = try await fixture.database.execute("UPDATE accounts SET password_hash = 'rubbish' WHERE email = 'owner@example.org'")
            #expect(try await fixture.send(.post, "/v1/sessions", Self.login("owner@example.org"), key: "").status == 401)
        }
    }

    @Test func aNewPasswordEndsTheOtherSessions() async throws {
        try await GatewayFixture.with { fixture in
            let (mine, other) = (try await fixture.logIn(), try await fixture.logIn())
            let new = "a better horse battery"
            func change(_ old: String) async throws -> GatewayFixture.Answer {
                try await fixture.send(
                    .patch, "/v1/account", #"{"full_name":"Ada","password":"\#(new)","current_password":"\#(old)"}"#, key: mine)
            }
            let refused = try await change("wrong horse battery")
            #expect(refused.status == 422 && refused.pointers == ["/current_password"])
            #expect(try await fixture.send(.get, "/v1/account").json["full_name"] == .null, "nothing was changed")
            #expect(try await change(GatewayFixture.passwordText).json["full_name"] == "Ada")
            try await eventually("the other session is over", within: .seconds(5)) {
                try await fixture.send(.get, "/v1/account", key: other).status == 401
            }
            #expect(try await fixture.send(.get, "/v1/account", key: mine).status == 200)
            #expect(try await fixture.logIn() == "401")
            #expect(try await fixture.logIn(password: new).contains("."))
            let nameless = try await fixture.send(.patch, "/v1/account", #"{"full_name":null}"#)
            #expect(nameless.json["full_name"] == .null && nameless.json["credential"]?["kind"] == "api_key")
        }
    }

    @Test func anOperatorGivesAnotherPassword() async throws {
        try await GatewayFixture.with { fixture in
            let token = try await fixture.logIn()
            let new = try PasswordHash(password: "a better horse battery", cost: GatewayFixture.cost)
            _ = try await fixture.store.resetPassword(ofAccount: "Owner@example.org", to: new)
            #expect(try await fixture.logIn() == "401")
            #expect(try await fixture.logIn(password: "a better horse battery").contains("."))
            try await eventually("the session is over", within: .seconds(5)) {
                try await fixture.send(.get, "/v1/account", key: token).status == 401
            }
            await #expect(throws: Problem.self) { try await fixture.store.resetPassword(ofAccount: "nobody@example.org", to: new) }
        }
    }

    @Test func passwordsAreNotTriedWithoutBound() async throws {
        try await GatewayFixture.with(configure: { $0.loginsPerMinute = 3 }) { fixture in
            for _ in 0..<3 { #expect(try await fixture.logIn(password: "wrong horse battery") == "401") }
            let refused = try await fixture.send(.post, "/v1/sessions", Self.login("owner@example.org"), key: "")
            #expect(refused.status == 429 && refused.head.headerFields[.retryAfter] != nil)
            #expect(try await fixture.send(.post, "/v1/accounts", "{}", key: "").status == 429)
            let key = try await fixture.send(.get, "/v1/account")
            #expect(key.status == 200, "keys are not passwords")
        }
        let limits = LoginLimits(perMinute: 3)
        for number in 0..<3 {
            #expect(throws: Never.self) { try limits.admit(from: "192.0.2.\(number)") }
            #expect(throws: Never.self) { try limits.admit(to: "ada@example.org") }
        }
        #expect(throws: Problem.self, "from wherever they come") { try limits.admit(to: "ada@example.org") }
        #expect(throws: Never.self) { try limits.admit(to: "bob@example.org") }
    }

    @Test func aLoginIsRepeatedUnderItsKey() async throws {
        try await GatewayFixture.with { fixture in
            func logIn(_ password: String = GatewayFixture.passwordText) async throws -> GatewayFixture.Answer {
                try await fixture.send(
                    .post, "/v1/sessions", Self.login("owner@example.org", password), key: "", headers: [.idempotencyKey: "k"])
            }
            let (first, again) = (try await logIn(), try await logIn())
            #expect(first.json["session_id"] == again.json["session_id"] && again.head.headerFields[.idempotencyReplayed] == "true")
            let token = again.json["token"]?.stringValue ?? ""
            #expect(try await fixture.send(.get, "/v1/account", key: token).status == 200)
            #expect(try await logIn("wrong horse battery").status == 401)
            #expect(try await fixture.send(.delete, "/v1/sessions/current", key: token).status == 204)
            #expect(try await logIn().status == 409)
            let kept = try await fixture.database.query("SELECT k::text FROM idempotency_keys k") { try $0.decode(String.self) }
            #expect(kept.count == 1 && !kept[0].contains(token) && !kept[0].contains("horse"))
        }
    }

    /// Any gateway checks any other's tokens, also when that one is gone; keys are made anew each day, and the old ones go on checking.
    @Test func gatewaysTrustEachOthersTokens() async throws {
        try await GatewayFixture.with { fixture in
            let user = try #require(try await fixture.store.accountID(email: "owner@example.org"))
            let start = ContinuousClock.now
            let elapsed = ElapsedTime()
            let first = SessionTokens(store: fixture.store, lifetime: .seconds(3_600)) { start + elapsed.value }
            func session() async throws -> SessionRecord {
                guard
                    case .made(let session) = try await fixture.store.beginSession(
                        of: user, lifetime: 3_600, clientAddress: nil, userAgent: nil)
                else { throw Missing() }
                return session
            }
            var tokens: [String] = []
            for hours in [0, 1, 25] {
                elapsed.value = .seconds(hours * 3_600)
                tokens.append(try await first.token(for: try await session()))
            }
            let keys = try tokens.map { try #require(SignedToken($0)).keyID }
            #expect(keys[0] == keys[1] && keys[1] != keys[2])
            let second = SessionTokens(store: fixture.store, lifetime: .seconds(60))
            for token in tokens { #expect(try await second.principal(of: try #require(PresentedToken(token)))?.userID == user) }
            #expect(try await fixture.send(.get, "/v1/account", key: tokens[0]).status == 200)

            // A key that its operator has taken away checks nothing.
            _ = try await fixture.database.execute("DELETE FROM session_signing_keys WHERE key_id = \(keys[2])")
            #expect(try await second.principal(of: try #require(PresentedToken(tokens[2]))) == nil)
            #expect(try await second.principal(of: try #require(PresentedToken(tokens[0]))) != nil)
            // What a gateway signs with a key that it did not publish is nobody's.
            let forged = try SignedToken.text(
                try #require(SignedToken(tokens[0])).payload, keyID: keys[0], key: Curve25519.Signing.PrivateKey())
            #expect(try await second.principal(of: try #require(PresentedToken(forged))) == nil)

            _ = try await fixture.database.execute("UPDATE sessions SET expires_at = now() - interval '1 second'")
            _ = try await fixture.database.execute("UPDATE session_signing_keys SET expires_at = now() - interval '1 second'")
            #expect(try await fixture.store.forgetSessions(limit: 10) == 3)
            let left = try await fixture.database.query("SELECT count(*) FROM session_signing_keys") { try $0.decode(Int.self) }
            #expect(left == [0])
        }
    }
}
