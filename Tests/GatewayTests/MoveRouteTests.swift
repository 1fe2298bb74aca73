import Domain
import HTTPTypes
import Store
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct MoveRouteTests {
    @Test func movesTasks() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let made = try await fixture.send(.post, "/v1/projects/\(project)/tasks", GatewayTests.task)
            let id = try #require(made.json["task_id"]?.stringValue)
            let steps = [("pause", "paused"), ("resume", "pending"), ("cancel", "cancelled"), ("retry", "pending")]
            for (action, status) in steps {
                let woken = fixture.accepted.count
                let answer = try await fixture.send(.post, "/v1/tasks/\(id)/\(action)", #"{"reason":"a test"}"#)
                #expect(answer.status == 200 && answer.json["status"]?.stringValue == status, "\(action): \(answer.json)")
                #expect((fixture.accepted.count > woken) == (status == "pending"), "a dispatcher is woken")
            }
            let history = try await fixture.send(.get, "/v1/tasks/\(id)/history").json["data"]?.arrayValue ?? []
            #expect(history.dropFirst().allSatisfy { $0["reason"] == "a test" && $0["changed_by"] == history[0]["changed_by"] })

            let refused = try await fixture.send(.post, "/v1/tasks/\(id)/resume")
            #expect(refused.status == 409 && refused.json["detail"]?.stringValue?.contains("pending") == true)
            #expect(try await fixture.send(.post, "/v1/tasks/\(id)/pause").status == 200, "a body is not needed")
            #expect(try await fixture.send(.post, "/v1/tasks/\(id)/cancel", #"{"why":1}"#).pointers == ["/why"])
            #expect(try await fixture.send(.post, "/v1/tasks/\(id)/cancel", "[]").status == 422)
            #expect(try await fixture.send(.post, "/v1/tasks/\(id)/cancel", "{").status == 400)

            let changed = try await fixture.send(.patch, "/v1/tasks/\(id)", #"{"priority":9,"metadata":{"a":[1]}}"#)
            #expect(changed.status == 200 && changed.json["priority"] == 9 && changed.json["metadata"] == ["a": [1]])
            let wrong = try await fixture.send(.patch, "/v1/tasks/\(id)", #"{"priority":10,"deadline":"soon","status":"completed"}"#)
            #expect(wrong.status == 422 && wrong.pointers.sorted() == ["/deadline", "/priority", "/status"])
            #expect(try await fixture.send(.post, "/v1/tasks/\(id)/cancel").status == 200)
            let late = try await fixture.send(.patch, "/v1/tasks/\(id)", #"{"priority":1}"#)
            #expect(late.status == 409 && late.json["detail"]?.stringValue?.contains("cancelled") == true)
        }
    }

    @Test func movesProjects() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let made = try await fixture.send(.post, "/v1/projects/\(project)/tasks", GatewayTests.task)
            let id = try #require(made.json["task_id"]?.stringValue)
            #expect(try await fixture.send(.post, "/v1/projects/\(project)/archive").status == 409)
            for (action, status) in [("pause", "paused"), ("resume", "active"), ("cancel", "cancelled"), ("archive", "archived")] {
                let answer = try await fixture.send(.post, "/v1/projects/\(project)/\(action)")
                #expect(answer.status == 200 && answer.json["status"]?.stringValue == status, "\(action): \(answer.json)")
            }
            let again = try await fixture.send(.post, "/v1/projects/\(project)/pause")
            #expect(again.status == 409 && again.json["detail"]?.stringValue?.contains("archived") == true)
            #expect(try await fixture.send(.get, "/v1/tasks/\(id)").json["status"] == "cancelled")
            #expect(try await fixture.send(.post, "/v1/projects/\(project)/tasks", GatewayTests.task).status == 409)
            #expect(try await fixture.send(.post, "/v1/projects/\(project)/resume").status == 200)
            let changed = try await fixture.send(.patch, "/v1/projects/\(project)", #"{"project_name":"Other","priority":4}"#)
            #expect(changed.status == 200 && changed.json["project_name"] == "Other" && changed.json["priority"] == 4)
            #expect(
                try await fixture.send(.patch, "/v1/projects/\(project)", #"{"priority":0,"name":"x"}"#).pointers.sorted() == [
                    "/name", "/priority",
                ])
        }
    }

    /// Strangers cannot move anything, and cannot tell what is there.
    @Test func areTheOwnersAlone() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let made = try await fixture.send(.post, "/v1/projects/\(project)/tasks", GatewayTests.task)
            let id = try #require(made.json["task_id"]?.stringValue)
            let unknown = "00000000-0000-7000-8000-000000000000"
            let moves =
                TaskAction.allCases.map { (HTTPRequest.Method.post, "/v1/tasks/#/\($0.rawValue)", id) }
                + ProjectAction.allCases.map { (.post, "/v1/projects/#/\($0.rawValue)", project) }
                + [(.patch, "/v1/tasks/#", id), (.patch, "/v1/projects/#", project)]
            for (method, path, target) in moves {
                let theirs = try await fixture.send(
                    method, path.replacing("#", with: target), #"{}"#, key: fixture.strangersKey.secret)
                let nobodys = try await fixture.send(
                    method, path.replacing("#", with: unknown), #"{}"#, key: fixture.strangersKey.secret)
                #expect(theirs.status == 404 && theirs.json == nobodys.json, "\(path)")
                #expect(try await fixture.send(method, path.replacing("#", with: target), "{}", key: "").status == 401, "\(path)")
                #expect(try await fixture.send(method, path.replacing("#", with: "x"), "{}").status == 400, "\(path)")
            }
            #expect(try await fixture.send(.get, "/v1/tasks/\(id)").json["status"] == "pending")
            #expect(try await fixture.send(.get, "/v1/projects/\(project)").json["status"] == "active")
        }
    }
}
