import Domain
import HTTPTypes
import Store
import TestSupport
import Testing

@testable import Gateway

/// `Idempotency-Key`: a request that is sent again is not done again.
@Suite(.timeLimit(.minutes(2))) struct IdempotencyRouteTests {
    private static let task = GatewayTests.task

    private static func headers(_ key: String, type: String = "application/json") -> HTTPFields {
        [.idempotencyKey: key, .contentType: type]
    }

    @Test func theSameRequestGetsTheSameAnswer() async throws {
        try await GatewayFixture.with { fixture in
            let path = "/v1/projects/\(try await fixture.makeProject())/tasks"
            let bodies = [
                (Self.task, "application/json"), ("[\(Self.task),\(Self.task)]", "application/json"),
                ("\(Self.task)\n\(Self.task)\n\(Self.task)", "application/x-ndjson"),
                (#"{"task_type":"group","children":[\#(Self.task)]}"#, "application/json"),
            ]
            for (number, (body, type)) in bodies.enumerated() {
                let first = try await fixture.send(.post, path, body, headers: Self.headers("k\(number)", type: type))
                #expect(first.status == 201 && first.head.headerFields[.idempotencyReplayed] == nil)
                let count = try await fixture.countTasks()
                for _ in 0..<2 {
                    let again = try await fixture.send(.post, path, body, headers: Self.headers("k\(number)", type: type))
                    #expect(again.status == 201 && again.json == first.json)
                    #expect(again.head.headerFields[.location] == first.head.headerFields[.location])
                    #expect(again.head.headerFields[.idempotencyReplayed] == "true")
                }
                #expect(try await fixture.countTasks() == count)
                let other = try await fixture.send(.post, path, body + " ", headers: Self.headers("k\(number)", type: type))
                #expect(other.status == 409 && other.pointers == ["Idempotency-Key"])
            }
            // Another account's keys are its own.
            let stranger = try await fixture.send(
                .post, "/v1/projects", #"{"project_name":"Theirs"}"#, key: fixture.strangersKey.secret, headers: Self.headers("k0"))
            #expect(stranger.status == 201)
        }
    }

    /// What is wrong is not remembered, and what is remembered outlives what has changed since.
    @Test func onlyWhatWasMadeIsRemembered() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let path = "/v1/projects/\(project)/tasks"
            for body in [#"{"task_type":"chat"}"#, Self.task] {
                let answer = try await fixture.send(.post, path, body, headers: Self.headers("k"))
                #expect(answer.status == (body == Self.task ? 201 : 422))
            }
            #expect(try await fixture.send(.post, "/v1/projects/\(project)/cancel").status == 200)
            #expect(try await fixture.send(.post, path, Self.task, headers: Self.headers("k")).status == 201)
            #expect(try await fixture.send(.post, path, Self.task, headers: Self.headers("l")).status == 409)
            #expect(try await fixture.countTasks() == 1)
        }
    }

    @Test func projectsAreMadeOnce() async throws {
        try await GatewayFixture.with { fixture in
            let body = #"{"project_name":"Once","priority":3}"#
            let answers = try await withThrowingTaskGroup(of: GatewayFixture.Answer.self) { group in
                for _ in 0..<20 { group.addTask { try await fixture.send(.post, "/v1/projects", body, headers: Self.headers("p")) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 201 && $0.json == answers[0].json })
            #expect(answers.count { $0.head.headerFields[.idempotencyReplayed] == nil } == 1)
            #expect(try await fixture.send(.post, "/v1/projects", body).status == 409, "without a key the name is taken")
            #expect(try await fixture.send(.post, "/v1/projects", body, headers: Self.headers("q")).status == 409)
        }
    }

    @Test func aHundredAtOnceMakeOneTask() async throws {
        try await GatewayFixture.with { fixture in
            let path = "/v1/projects/\(try await fixture.makeProject())/tasks"
            let answers = try await withThrowingTaskGroup(of: GatewayFixture.Answer.self) { group in
                for _ in 0..<100 { group.addTask { try await fixture.send(.post, path, Self.task, headers: Self.headers("k")) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 201 && $0.json == answers[0].json })
            #expect(try await fixture.countTasks() == 1)
        }
    }
}
