import Domain
import Foundation
import HTTPTypes
import Postgres
import Store
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct MemberRouteTests {
    /// Somebody joins by their address, works, is made something else, and is taken out.
    @Test func aMembersLife() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let members = "/v1/projects/\(project)/members"
            let key = fixture.strangersKey.secret
            let user = try #require(try await fixture.store.accountID(email: "stranger@example.org")).text

            let added = try await fixture.send(.put, members, #"{"email":"Stranger@example.org","role":"viewer"}"#)
            #expect(added.status == 201 && added.head.headerFields[.location] == "\(members)/\(user)")
            #expect(added.json["role"] == "viewer" && added.json["email"] == "stranger@example.org")
            #expect(try await fixture.send(.put, "\(members)/\(user)", #"{"role":"viewer"}"#).status == 200, "nothing new")
            let list = try await fixture.send(.get, members, key: key).json["data"]?.arrayValue ?? []
            #expect(Set(list.compactMap { $0["role"]?.stringValue }) == ["owner", "viewer"])
            #expect(try await fixture.send(.get, "/v1/projects", key: key).json["data"]?[0]?["project_id"]?.stringValue == project)
            #expect(try await fixture.send(.post, "/v1/projects/\(project)/tasks", GatewayTests.task, key: key).status == 403)

            #expect(try await fixture.send(.put, "\(members)/\(user)", #"{"role":"editor"}"#).json["role"] == "editor")
            var task = ""
            try await eventually("the new role counts", within: .seconds(5)) {
                let made = try await fixture.send(.post, "/v1/projects/\(project)/tasks", GatewayTests.task, key: key)
                task = made.json["task_id"]?.stringValue ?? ""
                return made.status == 201
            }
            #expect(try await fixture.send(.get, "/v1/tasks/\(task)").json["user_id"]?.stringValue == user, "it is theirs")

            #expect(try await fixture.send(.delete, "\(members)/\(user)").status == 204)
            #expect(try await fixture.send(.delete, "\(members)/\(user)").status == 404)
            try await eventually("it is gone for them", within: .seconds(5)) {
                try await fixture.send(.get, "/v1/tasks/\(task)", key: key).status == 404
            }
            let log = try await fixture.send(.get, "/v1/projects/\(project)/activity").json["data"]?.arrayValue ?? []
            #expect(
                log.compactMap { $0["activity_type"]?.stringValue } == ["member_removed", "member_changed", "member_added", "created"])
            #expect(log[1]["metadata"] == ["to": "editor", "from": "viewer", "email": "stranger@example.org", "user_id": .string(user)])
            #expect(log.allSatisfy { $0["user_email"] == "owner@example.org" })
        }
    }

    @Test func membersMayLeaveAndTheOwnerStays() async throws {
        try await GatewayFixture.with { gateway in
            let fixture = try await AccessFixture(gateway)
            let members = "/v1/projects/\(fixture.projectID.text)/members"
            func id(_ email: String) async throws -> String {
                let id = try await gateway.store.accountID(email: email)
                return id?.text ?? "nobody"
            }
            func send(_ method: HTTPRequest.Method, _ email: String, _ body: String? = nil, by actor: AccessFixture.Actor) async throws
                -> Int
            {
                try await gateway.send(method, "\(members)/\(try await id(email))", body, key: fixture.secret(actor)).status
            }
            for actor in [AccessFixture.Actor.owner, .admin] {
                #expect(try await send(.put, "owner@example.org", #"{"role":"viewer"}"#, by: actor) == 409)
                #expect(try await send(.delete, "owner@example.org", by: actor) == 409)
            }
            // Only the owner makes admins, and takes that back.
            #expect(try await send(.put, "member@example.org", #"{"role":"admin"}"#, by: .admin) == 403)
            #expect(try await send(.put, "admin@example.org", #"{"role":"editor"}"#, by: .admin) == 403)
            #expect(try await send(.put, "member@example.org", #"{"role":"admin"}"#, by: .owner) == 200)
            #expect(try await send(.delete, "member@example.org", by: .admin) == 403)
            #expect(try await send(.put, "guest@example.org", #"{"role":"editor"}"#, by: .admin) == 201)
            #expect(try await send(.put, "guest@example.org", #"{"role":"owner"}"#, by: .owner) == 422)
            #expect(try await send(.put, "guest@example.org", #"{"role":"editor","email":"x@y"}"#, by: .owner) == 422)

            for actor in [AccessFixture.Actor.viewer, .editor, .admin] {
                #expect(try await send(.delete, "\(actor)@example.org", by: actor) == 204, "\(actor) leaves")
            }
            let nobody = UUID().text
            #expect(try await gateway.send(.put, "\(members)/\(nobody)", #"{"role":"viewer"}"#).status == 404)
            #expect(try await gateway.send(.put, members, #"{"email":"nobody@example.org","role":"viewer"}"#).status == 404)
            #expect(try await gateway.send(.put, members, #"{"role":"viewer"}"#).pointers == ["/email"])
        }
    }

    /// The log says what was, what is, and who did it, and never repeats what may be a secret.
    @Test func theLogTellsChanges() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let path = "/v1/projects/\(project)"
            let body = #"{"priority":5,"metadata":{"token":"hush"},"settings":{"max_concurrency":3,"engines":["local"]}}"#
            #expect(try await fixture.send(.patch, path, body).status == 200)
            #expect(try await fixture.send(.post, "\(path)/pause", #"{"reason":"lunch"}"#).status == 200)
            #expect(try await fixture.send(.patch, path, #"{"priority":0}"#).status == 422)
            let log = try await fixture.send(.get, "\(path)/activity").json
            let lines = log["data"]?.arrayValue ?? []
            #expect(lines.compactMap { $0["activity_type"]?.stringValue } == ["paused", "updated", "created"])
            #expect(lines[0]["metadata"] == ["to": "paused", "from": "active", "reason": "lunch"])
            #expect(lines[1]["metadata"]?["fields"] == ["priority", "metadata", "settings.engines", "settings.max_concurrency"])
            #expect(lines[1]["metadata"]?["changes"]?["priority"] == ["to": 5, "from": 1])
            #expect(lines[1]["metadata"]?["changes"]?["settings.engines"] == ["to": ["local"], "from": nil])
            #expect(!log.text.contains("hush"))
            let page = try await fixture.send(.get, "\(path)/activity?limit=2").json
            let rest = try await fixture.send(.get, "\(path)/activity?limit=2&cursor=\(page["next_cursor"]?.stringValue ?? "")").json
            #expect(rest["data"]?.arrayValue == [lines[2]] && rest["next_cursor"] == .null)
        }
    }
}
