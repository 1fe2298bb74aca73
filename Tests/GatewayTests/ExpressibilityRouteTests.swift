import Domain
import Foundation
import HTTPTypes
import Store
import TestSupport
import Testing

/// Tasks that name no engine are held against what their project, or the fleet, would ask.
@Suite(.timeLimit(.minutes(2))) struct ExpressibilityRouteTests {
    private static let engines = [
        EngineRow(name: "claude", type: "anthropic", definition: ["name": "claude"]),
        EngineRow(name: "local", type: "openai", definition: ["name": "local"]),
    ]

    @Test func aProjectsEnginesDecide() async throws {
        try await GatewayFixture.with(engines: Self.engines) { fixture in
            func project(_ name: String, _ settings: JSONValue) async throws -> String {
                let answer = try await fixture.send(
                    .post, "/v1/projects", (["project_name": .string(name), "settings": settings] as JSONValue).text)
                return try #require(answer.json["project_id"]?.stringValue)
            }
            func pointers(_ project: String, _ input: JSONValue) async throws -> [String] {
                let answer = try await fixture.send(
                    .post, "/v1/projects/\(project)/tasks", (["task_type": "chat", "input_data": input] as JSONValue).text)
                #expect(answer.status == (answer.pointers.isEmpty ? 201 : 422))
                return answer.pointers
            }
            let input: JSONValue = ["prompt": "hi", "seed": 1]
            let standard = try await project("standard", [:])
            #expect(try await pointers(standard, input) == ["/input_data/seed"], "the fleet's default has no word for it")
            let own = try await project("own", ["engines": ["local"]])
            #expect(try await pointers(own, input) == [])
            let mixed = try await project("mixed", ["engines": ["local", "claude"], "strategy": "race"])
            #expect(try await pointers(mixed, input) == ["/input_data/seed"])
            #expect(try await pointers(mixed, ["prompt": "hi", "seed": 1, "engine": "local"]) == [])
            // What was just changed counts at once where it lets more through.
            let change = try await fixture.send(.patch, "/v1/projects/\(mixed)", #"{"settings":{"engines":["local"]}}"#)
            #expect(change.status == 200)
            try await eventually("the change is seen") { try await pointers(mixed, input) == [] }
        }
    }

    @Test func linesAreCheckedAlike() async throws {
        try await GatewayFixture.with(engines: Self.engines) { fixture in
            let answer = try await fixture.send(
                .post, "/v1/projects", #"{"project_name":"lines","settings":{"engines":["local"]}}"#)
            let own = try #require(answer.json["project_id"]?.stringValue)
            let standard = try await fixture.makeProject("other")
            let line = #"{"task_type":"chat","input_data":{"prompt":"hi","seed":1}}"# + "\n"
            #expect(try await fixture.upload(line + line, to: own).status == 201)
            #expect(try await fixture.upload(line + line, to: standard).pointers == ["/1/input_data/seed", "/2/input_data/seed"])
        }
    }
}
