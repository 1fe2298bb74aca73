import Domain
import HTTPTypes
import Store
import Testing

@testable import Gateway

/// Families over HTTP.
@Suite(.timeLimit(.minutes(2))) struct FamilyRouteTests {
    private static let chat = GatewayTests.task

    @Test func takesAWholeFamily() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let path = "/v1/projects/\(project)/tasks"
            let made = try await fixture.send(
                .post, path,
                #"{"task_type":"group","children":[\#(Self.chat),{"task_type":"group","execution_order":1,"children":[\#(Self.chat)]}]}"#)
            #expect(made.status == 201)
            let id = try #require(made.json["task_id"]?.stringValue)
            let group = try #require(made.json["children"]?[1]?["task_id"]?.stringValue)
            #expect(made.json["children"]?[1]?["children"]?.arrayValue?.count == 1)
            #expect(try await fixture.countTasks() == 4)
            let task = try await fixture.send(.get, "/v1/tasks/\(id)").json
            #expect(task["children"] == 2 && task["waiting_on"] == 2 && task["on_child_failure"] == "fail")

            let children = try await fixture.send(.get, "/v1/tasks/\(id)/children").json["data"]?.arrayValue ?? []
            #expect(children.map { $0["execution_order"] } == [0, 1])
            #expect(children.last?["task_id"]?.stringValue == group && children.last?["parent_task_id"]?.stringValue == id)
            let first = try await fixture.send(.get, "/v1/tasks/\(id)/children?limit=1").json
            let cursor = try #require(first["next_cursor"]?.stringValue)
            let second = try await fixture.send(.get, "/v1/tasks/\(id)/children?limit=1&cursor=\(cursor)").json
            #expect(second["data"]?[0]?["task_id"]?.stringValue == group && second["next_cursor"] == .null)
            let groups = try await fixture.send(.get, "/v1/tasks/\(id)/children?task_type=group&status=pending").json
            #expect(groups["data"]?.arrayValue?.count == 1)
            let filtered = try await fixture.send(.get, "\(path)?parent_task_id=\(group)").json
            #expect(filtered["data"]?.arrayValue?.count == 1)
            #expect(try await fixture.send(.get, "\(path)?parent_task_id=x").status == 400)
            #expect(try await fixture.send(.get, "/v1/tasks/\(id)/children", key: fixture.strangersKey.secret).status == 404)

            let many = try await fixture.send(.post, path, #"[\#(Self.chat),{"task_type":"group","children":[\#(Self.chat)]}]"#)
            #expect(many.json["accepted"] == 3 && many.json["task_ids"]?.arrayValue?.count == 2)
        }
    }

    @Test func addsChildrenWhileTheParentWaits() async throws {
        try await GatewayFixture.with { fixture in
            let (project, other) = (try await fixture.makeProject(), try await fixture.makeProject("Second"))
            let path = "/v1/projects/\(project)/tasks"
            let parent = try await fixture.send(.post, path, #"{"task_type":"group"}"#).json["task_id"]?.stringValue ?? ""
            let child = #"{"task_type":"chat","input_data":{"prompt":"hi"},"parent_task_id":"\#(parent)"}"#
            #expect(try await fixture.send(.get, "/v1/tasks/\(parent)").json["waiting_on"] == 1)
            #expect(try await fixture.send(.post, path, "[\(child),\(child)]").status == 201)
            #expect(try await fixture.send(.get, "/v1/tasks/\(parent)").json["waiting_on"] == 2)

            let elsewhere = try await fixture.send(.post, "/v1/projects/\(other)/tasks", child)
            #expect(elsewhere.status == 422 && elsewhere.pointers == ["/parent_task_id"])
            let unknown = child.replacing(parent, with: "00000000-0000-7000-8000-000000000000")
            let missing = try await fixture.send(.post, path, "[\(child),\(unknown)]")
            #expect(missing.status == 422 && missing.pointers == ["/1/parent_task_id"])
            #expect(missing.json["errors"]?[0]?["detail"] == elsewhere.json["errors"]?[0]?["detail"], "they look the same")
            #expect(try await fixture.send(.get, "/v1/tasks/\(parent)").json["children"] == 2, "all or nothing")

            #expect(try await fixture.send(.post, "/v1/tasks/\(parent)/cancel").status == 200)
            let late = try await fixture.send(.post, path, child)
            #expect(late.status == 409 && late.json["detail"]?.stringValue?.contains("cancelled") == true)
            let children = try await fixture.send(.get, "/v1/tasks/\(parent)/children").json["data"]?.arrayValue ?? []
            #expect(children.count == 2 && children.allSatisfy { $0["status"] == "cancelled" })
            let retry = try await fixture.send(.post, "/v1/tasks/\(children[0]["task_id"]?.stringValue ?? "")/retry")
            #expect(retry.status == 409 && retry.json["detail"]?.stringValue?.contains("parent is cancelled") == true)
        }
    }

    @Test func countsWhatIsInside() async throws {
        try await GatewayFixture.with { fixture in
            let path = "/v1/projects/\(try await fixture.makeProject())/tasks"
            func group(_ children: Int) -> String {
                #"{"task_type":"group","children":[\#(Array(repeating: #"{"task_type":"group","children":[]}"#, count: children).joined(separator: ","))]}"#
            }
            #expect(try await fixture.send(.post, path, group(999)).status == 201)
            let tooMany = try await fixture.send(.post, path, "[\(group(500)),\(group(499))]")
            #expect(tooMany.status == 422 && tooMany.pointers == [""])
            #expect(try await fixture.send(.post, path, "[\(group(499)),\(group(499))]").json["accepted"] == 1_000)
            let deep = try await fixture.send(
                .post, path, #"{"task_type":"group","children":[{"task_type":"chat","input_data":{"prompt":""}}]}"#)
            #expect(deep.status == 422 && deep.pointers.contains("/children/0/input_data/prompt"))
        }
    }

    /// Without any engine a group can be accepted, and its children are named.
    @Test func groupsNeedNoEngine() async throws {
        try await GatewayFixture.with(engines: []) { fixture in
            let path = "/v1/projects/\(try await fixture.makeProject())/tasks"
            #expect(try await fixture.send(.post, path, #"{"task_type":"group","children":[]}"#).status == 201)
            let refused = try await fixture.send(.post, path, #"[{"task_type":"group","children":[\#(Self.chat)]}]"#)
            #expect(refused.status == 422 && refused.pointers == ["/0/children/0/input_data/engine"])
        }
    }
}
