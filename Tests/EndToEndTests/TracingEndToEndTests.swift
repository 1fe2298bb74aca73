import Domain
import Foundation
import HTTPTypes
import NIOURLSession
import Store
import TestSupport
import Testing

/// A trace goes from the caller through the gateway and the worker to the engine.
@Suite(.timeLimit(.minutes(2))) struct TracingEndToEndTests {
    private static let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func fromTheCallerToTheEngine() async throws {
        try await TraceListener.with { listener, port in
            let variables = ["CHORUS_TRACING_ENDPOINT": "http://127.0.0.1:\(port)"]
            try await DevSystem.with(["--workers", "1"], variables: variables) { system in
                try await Store(system.database).applyEngines([
                    EngineRow(
                        name: "listener", type: "openai",
                        definition: [
                            "name": "listener", "engine_type": "openai", "base_url": .string("http://127.0.0.1:\(port)/v1"), "model": "m",
                        ])
                ])
                let project = try await system.makeProject("Traced")
                let task = try await submit(to: project, system, trace: Self.caller)
                try await eventually("the task's spans are there", within: .seconds(20)) {
                    let names = listener.spans.filter { $0.traceID.hasPrefix("4bf92f35") }.map(\.name)
                    return Set(["POST /v1/projects/{project_id}/tasks", "run chat", "chat m"]).isSubset(of: names)
                }
                let spans = listener.spans.filter { $0.traceID == "4bf92f3577b34da6a3ce929d0e0e4736" }
                let request = try #require(spans.first { $0.parentID == "00f067aa0ba902b7" })
                let run = try #require(spans.first { $0.parentID == request.spanID })
                let call = try #require(spans.first { $0.parentID == run.spanID })
                #expect(spans.count == 3)
                #expect(request.name == "POST /v1/projects/{project_id}/tasks" && request.service == "chorus-gateway" && request.kind == 2)
                #expect(run.name == "run chat" && run.service == "chorus-worker" && run.attributes["chorus.task.id"] == task)
                #expect(run.attributes["chorus.task.outcome"] == "completed")
                #expect(call.name == "chat m" && call.kind == 3 && call.attributes["gen_ai.usage.output_tokens"] == "2")
                #expect(listener.calls == ["00-\(call.traceID)-\(call.spanID)-01"])

                // Without a trace of its own a request begins one.
                _ = try await submit(to: project, system, trace: nil)
                try await eventually("another trace is there", within: .seconds(20)) {
                    listener.spans.contains { $0.name == "chat m" && $0.traceID != call.traceID }
                }
                #expect(listener.calls.count == 2 && listener.calls.allSatisfy { $0.hasSuffix("-01") })
            }
        }
    }

    private func submit(to project: String, _ system: DevSystem, trace: String?) async throws -> String {
        let variables = try DevSystem.variables(system.folder)
        var request = HTTPRequest(
            method: .post, scheme: "http", authority: (variables["CHORUS_URL"] ?? "").replacingOccurrences(of: "http://", with: ""),
            path: "/v1/projects/\(project)/tasks")
        request.headerFields[.authorization] = "Bearer \(variables["CHORUS_API_KEY"] ?? "")"
        request.headerFields[.contentType] = "application/json"
        if let trace, let name = HTTPField.Name(TraceParent.name) { request.headerFields[name] = trace }
        let body: JSONValue = ["task_type": "chat", "input_data": ["prompt": "hi", "engine": "listener"]]
        let (bytes, response) = try await system.session.upload(for: request, from: body.serialized())
        try #require(response.status.code == 201)
        return try #require(try JSONValue(parsing: bytes)["task_id"]?.stringValue)
    }
}
