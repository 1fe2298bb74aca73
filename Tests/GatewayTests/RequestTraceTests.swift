import AMQP
import Domain
import Operations
import Testing
import Tracing

@testable import Gateway

@Suite struct RequestTraceTests {
    private static let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test("A message's trace is its tasks', save those that name another")
    func message() async throws {
        try await withTracer(ChorusTracer(exporter: nil)) {
            let message = AMQPMessage(exchange: "", routingKey: "task.create", body: [], headers: [TraceParent.name: .string(Self.caller)])
            let seen = await RequestTrace.follow(message, isOn: false) { RequestTrace.current }
            #expect(seen == Self.caller && RequestTrace.current == nil)
            let none = await RequestTrace.follow(AMQPMessage(exchange: "", routingKey: "", body: []), isOn: false) { RequestTrace.current }
            #expect(none == nil)
            let names = EngineNames(["local"])
            let tasks = [
                try NewTask(
                    reading: [
                        "task_type": "group", "metadata": ["a": 1], "children": [["task_type": "chat", "input_data": ["prompt": "hi"]]],
                    ], knownEngines: names),
                try NewTask(
                    reading: ["task_type": "chat", "input_data": ["prompt": "hi"], "metadata": ["traceparent": "mine"]], knownEngines: names
                ),
            ].within(seen)
            #expect(tasks[0].metadata == ["a": 1, "traceparent": .string(Self.caller)])
            #expect(tasks[0].children?[0].metadata == ["traceparent": .string(Self.caller)])
            #expect(tasks[1].metadata == ["traceparent": "mine"])
            #expect(tasks.within(nil) == tasks)
        }
    }
}
