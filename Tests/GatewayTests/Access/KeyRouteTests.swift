import Domain
import Foundation
import HTTPTypes
import Postgres
import Store
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct KeyRouteTests {
    @Test func aKeyIsShownOnceAndListedWithoutItsSecret() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let ends = RFC3339.text(Date(timeIntervalSinceNow: 3_600))
            let body = #"""
                {"name":"reader","expires_at":"\#(ends)","permissions":{"scopes":["tasks:read","projects:read"],"projects":["\#(project)"]}}
                """#
            let made = try await fixture.send(.post, "/v1/api-keys", body)
            #expect(made.status == 201, "\(made.json)")
            let id = try #require(made.json["key_id"]?.stringValue)
            let secret = try #require(made.json["api_key"]?.stringValue)
            #expect(secret.hasPrefix("chs_") && made.head.headerFields[.location] == "/v1/api-keys/\(id)")
            #expect(made.json["permissions"] == ["scopes": ["projects:read", "tasks:read"], "projects": [.string(project)]])

            let stored = try await fixture.database.query("SELECT api_key FROM api_keys") { try $0.decode(String.self) }
            #expect(!stored.contains { $0.contains(secret.dropFirst(4)) })
            let list = try await fixture.send(.get, "/v1/api-keys?limit=1").json
            #expect(list["data"]?[0]?["key_id"]?.stringValue == id && !list.text.contains(secret) && list["next_cursor"] != .null)
            let rest = try await fixture.send(.get, "/v1/api-keys?cursor=\(list["next_cursor"]?.stringValue ?? "")").json
            #expect(rest["data"]?[0]?["name"] == "test" && rest["data"]?[0]?["permissions"] == .null)

            #expect(try await fixture.send(.get, "/v1/projects/\(project)", key: secret).status == 200)
            #expect(try await fixture.send(.post, "/v1/projects/\(project)/tasks", GatewayTests.task, key: secret).status == 403)
            #expect(try await fixture.send(.post, "/v1/api-keys", "{}", key: secret).status == 403)

            #expect(try await fixture.send(.delete, "/v1/api-keys/\(id)", key: fixture.strangersKey.secret).status == 404)
            #expect(try await fixture.send(.delete, "/v1/api-keys/\(id)").status == 204)
            #expect(try await fixture.send(.delete, "/v1/api-keys/\(id)").status == 204, "it stays revoked")
            try await eventually("the key is refused", within: .seconds(5)) {
                try await fixture.send(.get, "/v1/projects/\(project)", key: secret).status == 401
            }
            let log = try await fixture.send(.get, "/v1/projects/\(project)/activity").json["data"]?.arrayValue ?? []
            #expect(log.compactMap { $0["activity_type"]?.stringValue } == ["key_revoked", "key_created", "created"])
            #expect(log.allSatisfy { !$0.text.contains(secret) })
        }
    }

    @Test(arguments: [
        (#"{"name":""}"#, "/name"), (#"{"expires_at":"2020-01-01T00:00:00Z"}"#, "/expires_at"), (#"{"expires_at":7}"#, "/expires_at"),
        (#"{"permissions":[]}"#, "/permissions"), (#"{"permissions":{"scopes":[]}}"#, "/permissions/scopes"),
        (#"{"permissions":{"scopes":["tasks:read","all"]}}"#, "/permissions/scopes/1"),
        (#"{"permissions":{"projects":["x"]}}"#, "/permissions/projects/0"),
        (#"{"permissions":{"projects":["00000000-0000-7000-8000-000000000000"]}}"#, "/permissions/projects"),
        (#"{"permissions":{"other":1}}"#, "/permissions/other"), (#"{"scopes":["tasks:read"]}"#, "/scopes"), ("7", ""),
    ])
    func refusesBadInput(body: String, pointer: String) async throws {
        try await GatewayFixture.with { fixture in
            let answer = try await fixture.send(.post, "/v1/api-keys", body)
            #expect(answer.status == 422 && answer.pointers == [pointer], "\(answer.json)")
            let count = try await fixture.database.query("SELECT count(*) FROM api_keys") { try $0.decode(Int.self) }
            #expect(count == [2])
        }
    }

    /// Nobody hands on more than they hold: neither scopes nor projects nor time.
    @Test func aKeyMakesNoWiderOne() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let ends = Date(timeIntervalSinceNow: 600)
            let user = try #require(try await fixture.store.accountID(email: "owner@example.org"))
            let narrow = try await fixture.store.createKey(
                NewKey(
                    name: nil, expiresAt: ends,
                    permissions: KeyPermissions(scopes: [.keysWrite, .tasksRead], projects: [try #require(UUID(uuidString: project))])),
                userID: user)
            for body in [
                "{}", #"{"permissions":{"scopes":["tasks:read"]}}"#, #"{"permissions":{"projects":["\#(project)"]}}"#,
                #"{"permissions":{"scopes":["tasks:read","tasks:write"],"projects":["\#(project)"]}}"#,
            ] {
                let answer = try await fixture.send(.post, "/v1/api-keys", body, key: narrow.key.secret)
                #expect(answer.status == 403 && answer.pointers == ["/permissions"], "\(body)")
            }
            let body = #"{"permissions":{"scopes":["tasks:read"],"projects":["\#(project)"]}}"#
            let made = try await fixture.send(.post, "/v1/api-keys", body, key: narrow.key.secret)
            #expect(made.status == 201)
            let madeEnd = try #require(made.json["expires_at"]?.stringValue.flatMap(RFC3339.date))
            #expect(abs(madeEnd.timeIntervalSince(ends)) < 0.01, "it ends with the key that made it")

            // The gateway still knows the key when it is revoked: it makes none all the same.
            _ = try await fixture.store.revokeKey(narrow.record.id, of: user)
            #expect(try await fixture.send(.post, "/v1/api-keys", body, key: narrow.key.secret).status == 401)
        }
    }

    @Test func aKeysLastUseIsWritten() async throws {
        try await GatewayFixture.with { fixture in
            _ = try await fixture.send(.get, "/v1/projects")
            try await eventually("it is written", within: .seconds(20)) {
                try await fixture.send(.get, "/v1/api-keys", key: fixture.strangersKey.secret).json["data"]?[0]?["last_used_at"] != .null
            }
        }
    }

    @Test func rememberedUsesAreBounded() {
        var uses = KeyUses()
        let start = Date()
        let ids = (0..<KeyUses.capacity + 5).map { _ in UUID() }
        for id in ids { uses.used(id, at: start) }
        #expect(uses.take(at: start).count == KeyUses.capacity)
        for id in ids.prefix(3) { uses.used(id, at: start + 30) }
        #expect(uses.take(at: start + 30).isEmpty, "once a minute")
        #expect(uses.take(at: start + 61) == Dictionary(uniqueKeysWithValues: ids.prefix(3).map { ($0, start + 30) }))
        #expect(uses.isEmpty)
    }
}
