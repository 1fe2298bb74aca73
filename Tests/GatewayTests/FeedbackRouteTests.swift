import Domain
import HTTPTypes
import Postgres
import Store
import Testing

@testable import Gateway

/// `/v1/results/{id}/feedback`
@Suite(.timeLimit(.minutes(1))) struct FeedbackRouteTests {
    @Test func feedbackIsGivenAndListed() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let task = try await fixture.send(.post, "/v1/projects/\(project)/tasks", GatewayTests.task).json["task_id"]?.stringValue ?? ""
            let id =
                try await fixture.database.query(
                    """
                    INSERT INTO results (result_id, task_id, engine_type, output_data, status)
                    VALUES (chorus_uuid_v7(), \(task)::text::uuid, 'local', '{}', 'completed') RETURNING result_id::text
                    """
                ) { try $0.decode(String.self) }.first ?? ""
            let path = "/v1/results/\(id)/feedback"
            for body in ["{}", #"{"rating":6}"#, #"{"rating":0}"#, #"{"feedback_text":""}"#, #"{"rating":1,"stars":2}"#, "[]"] {
                #expect(try await fixture.send(.post, path, body).status == 422, "\(body)")
            }
            let long = String(repeating: "x", count: 10_001)
            #expect(try await fixture.send(.post, path, #"{"feedback_text":"\#(long)"}"#).pointers == ["/feedback_text"])
            let first = try await fixture.send(.post, path, #"{"rating":5}"#, headers: [.idempotencyKey: "f"])
            #expect(first.status == 201 && first.json["rating"] == 5 && first.json["feedback_text"] == .null)
            #expect(try await fixture.send(.post, path, #"{"rating":5}"#, headers: [.idempotencyKey: "f"]).json == first.json)
            #expect(try await fixture.send(.post, path, #"{"feedback_text":"Nearly."}"#).status == 201)
            let page = try await fixture.send(.get, "\(path)?limit=1").json
            #expect(page["data"]?.arrayValue == [first.json])
            let rest = try await fixture.send(.get, "\(path)?cursor=\(page["next_cursor"]?.stringValue ?? "")").json
            #expect(rest["data"]?.arrayValue?.map { $0["feedback_text"] } == ["Nearly."])

            let stranger = fixture.strangersKey.secret
            let unknown = "/v1/results/00000000-0000-7000-8000-000000000000/feedback"
            let theirs = try await fixture.send(.get, path, key: stranger)
            #expect(theirs.status == 404)
            #expect(try await fixture.send(.get, unknown).json == theirs.json)
            #expect(try await fixture.send(.post, path, #"{"rating":1}"#, key: stranger).status == 404)
        }
    }
}
