import Domain
import HTTPTypes
import Store
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct QuotaRouteTests {
    private static func administrator(_ fixture: GatewayFixture) async throws -> String {
        let id = try await fixture.store.createAccount(
            email: "root@example.org", password: try GatewayFixture.password.get(), fullName: nil, type: .admin)
        return try await fixture.store.createKey(userID: id, name: nil).key.secret
    }

    @Test func administratorsSetQuotas() async throws {
        try await GatewayFixture.with { fixture in
            let root = try await Self.administrator(fixture)
            let owner = try require(try await fixture.store.accountID(email: "owner@example.org")).text
            let path = "/v1/accounts/\(owner)/quotas/tokens"
            let set = try await fixture.send(.put, path, #"{"monthly_limit":1000}"#, key: root)
            #expect(set.status == 200 && set.json["monthly_limit"] == 1000 && set.json["remaining"] == 1000, "\(set.json)")
            #expect(try await fixture.send(.put, path, #"{"monthly_limit":1000}"#).status == 403)
            let own = try await fixture.send(.get, "/v1/quotas")
            #expect(own.status == 200 && own.json["data"]?[0] == set.json && own.json["next_cursor"] == .null, "\(own.json)")
            #expect(try await fixture.send(.get, "/v1/quotas?user_id=\(owner)", key: root).json == own.json)
            #expect(try await fixture.send(.get, "/v1/quotas?user_id=\(owner)").json == own.json)
            #expect(try await fixture.send(.get, "/v1/quotas?user_id=\(owner)", key: fixture.strangersKey.secret).status == 403)
            #expect(try await fixture.send(.get, "/v1/quotas?user_id=x").status == 400)

            let wrong = try await fixture.send(.put, path, #"{"monthly_limit":-1,"limit":5}"#, key: root)
            #expect(wrong.status == 422 && wrong.pointers.sorted() == ["/limit", "/monthly_limit"])
            #expect(try await fixture.send(.put, path, "{}", key: root).pointers == ["/monthly_limit"])
            #expect(try await fixture.send(.put, "/v1/accounts/\(owner)/quotas/cows", #"{"monthly_limit":1}"#, key: root).status == 404)
            let nobody = "00000000-0000-7000-8000-000000000000"
            #expect(
                try await fixture.send(.put, "/v1/accounts/\(nobody)/quotas/tokens", #"{"monthly_limit":1}"#, key: root).status == 404)
            for _ in 0..<2 { #expect(try await fixture.send(.delete, path, key: root).status == 204) }
            #expect(try await fixture.send(.get, "/v1/quotas").json["data"] == [])
        }
    }

    @Test func aRefusalSaysLimitRemainingAndReset() async throws {
        try await GatewayFixture.with { fixture in
            let made = try await fixture.send(.post, "/v1/projects", #"{"project_name":"B","settings":{"budget":{"tasks":3}}}"#)
            let project = try require(made.json["project_id"]?.stringValue)
            let path = "/v1/projects/\(project)/tasks"
            #expect(try await fixture.send(.post, path, "[\(GatewayTests.task),\(GatewayTests.task)]").status == 201)
            let refused = try await fixture.send(.post, path, "[\(GatewayTests.task),\(GatewayTests.task)]")
            #expect(refused.status == 429, "\(refused.json)")
            let headers = refused.head.headerFields
            #expect(headers[.rateLimitPolicy] == #""project-tasks";q=3;qu="tasks""#)
            let seconds = try #require(headers[.retryAfter].flatMap { Int($0) })
            #expect((1...31 * 86_400).contains(seconds))
            #expect(headers[.rateLimit] == "\"project-tasks\";r=1;t=\(seconds)")
            #expect(refused.json["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded")
            #expect(refused.json["violated-policies"] == ["project-tasks"] && refused.json["quota"]?["remaining"] == 1)

            var lines: HTTPFields = [:]
            lines[.contentType] = "application/x-ndjson"
            let body = String(repeating: GatewayTests.task + "\n", count: 2)
            #expect(try await fixture.send(.post, path, body, headers: lines).status == 429)
            #expect(try await fixture.countTasks() == 2)
            #expect(try await fixture.send(.post, path, GatewayTests.task).status == 201)
            let stats = try await fixture.send(.get, "/v1/projects/\(project)/stats").json["budget"]?[0]
            #expect(stats?["current_usage"] == 3 && stats?["monthly_limit"] == 3, "\(String(describing: stats))")

            // A raise, and the end of the budget.
            #expect(try await fixture.send(.patch, "/v1/projects/\(project)", #"{"settings":{"budget":{"tasks":4}}}"#).status == 200)
            #expect(try await fixture.send(.post, path, GatewayTests.task).status == 201)
            #expect(try await fixture.send(.post, path, GatewayTests.task).status == 429)
            #expect(try await fixture.send(.patch, "/v1/projects/\(project)", #"{"settings":{}}"#).status == 200)
            #expect(try await fixture.send(.post, path, GatewayTests.task).status == 201)
            let log = try await fixture.send(.get, "/v1/projects/\(project)/activity").json["data"]?[1]
            #expect(log?["metadata"]?["changes"]?["settings.budget"]?["to"] == ["tasks": 4], "\(String(describing: log))")
        }
    }
}
