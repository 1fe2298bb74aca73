import AMQP
import Domain
import Foundation
import Logging
import Postgres
import Queues
import TestSupport
import Testing

/// Gateways die while they take messages.
@Suite(.serialized, .timeLimit(.minutes(4))) struct IntakeKillTests {
    private static func withPublisher(_ system: DevSystem, _ body: (AMQPPublisher, String) async throws -> Void) async throws {
        let variables = try DevSystem.variables(system.folder)
        let publisher = AMQPPublisher(
            configuration: try AMQPConfiguration(url: variables["CHORUS_AMQP_URL"] ?? ""), topology: .intake(queueType: .classic),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await publisher.run() }
            defer { group.cancelAll() }
            try await publisher.waitUntilConnected(timeout: .seconds(20))
            try await body(publisher, variables["CHORUS_API_KEY"] ?? "")
        }
    }

    private static func message(_ key: String, _ body: JSONValue, id: String?) -> AMQPMessage {
        AMQPMessage(
            exchange: QueueNames.intake, routingKey: "task.create", body: body.serialized(), contentType: "application/json", messageID: id,
            headers: ["authorization": .string("Bearer \(key)")])
    }

    private static func count(_ queue: String, _ publisher: AMQPPublisher) async throws -> Int {
        try await publisher.status(of: [queue]).first??.messageCount ?? -1
    }

    @Test func eachMessageIsDoneOnceThoughTheGatewayIsKilled() async throws {
        try await DevSystem.with(["--workers", "1", "--engine-latency", "10ms"]) { system in
            let project = try await system.makeProject("Kill")
            try await Self.withPublisher(system) { publisher, key in
                let messages = (0..<6_000).map { number in
                    Self.message(
                        key,
                        ["project_id": .string(project), "task_type": "chat", "input_data": ["prompt": .string("n\(number)")]],
                        id: "m\(number)")
                }
                for start in stride(from: 0, to: messages.count, by: 2_000) {
                    try await publisher.publish(Array(messages[start..<start + 2_000]), timeout: .seconds(30))
                    try await eventually("it is in the middle of them", within: .seconds(30), every: .milliseconds(2)) {
                        try await system.count("SELECT count(*) FROM tasks") > start
                    }
                    if start < 4_000, let pid = try system.pids("CHORUS_GATEWAY_PID").first { kill(pid, SIGKILL) }
                }
                try await eventually("all are stored", within: .seconds(60), every: .milliseconds(100)) {
                    try await system.count("SELECT count(DISTINCT idempotency_key) FROM tasks") == 6_000
                }
                try await eventually("the queue is empty", within: .seconds(30)) { try await Self.count(QueueNames.intake, publisher) == 0 }
                #expect(try await system.count("SELECT count(*) FROM tasks") == 6_000)
                #expect(try await Self.count(QueueNames.intakeRejected, publisher) == 0)
                try await system.waitForCompleted(6_000, within: .seconds(90))
                #expect(try await system.count("SELECT count(*) FROM intake_trials") == 0)
            }
        }
    }

    /// A message that no gateway survives: three have a try after the one that got it first, then it is put aside, and the others run.
    @Test func aMessageThatEndsEveryGatewayIsPutAside() async throws {
        try await DevSystem.with(["--workers", "1", "--engine-latency", "10ms"]) { system in
            let project = try await system.makeProject("Poison")
            // It keeps its gateway busy until that is killed.
            try await system.database.execute(
                "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NEW; END'")
            try await system.database.execute(
                "CREATE TRIGGER linger BEFORE INSERT ON tasks FOR EACH ROW WHEN (NEW.metadata ? 'poison') EXECUTE FUNCTION linger()")
            try await Self.withPublisher(system) { publisher, key in
                var task: JSONObject = ["project_id": .string(project), "task_type": "chat", "input_data": ["prompt": "hi"]]
                let good = Self.message(key, .object(task), id: "good")
                task["metadata"] = ["poison": true]
                try await publisher.publish([Self.message(key, .object(task), id: nil)], timeout: .seconds(10))
                for trial in 0...3 {
                    if trial == 0 {
                        try await eventually("a gateway works on it", within: .seconds(30)) {
                            try await system.count("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 1
                        }
                    } else {
                        try await eventually("trial \(trial) begins", within: .seconds(30)) {
                            try await system.count("SELECT coalesce(max(trials), 0) FROM intake_trials") == trial
                        }
                    }
                    let pid = try #require(try system.pids("CHORUS_GATEWAY_PID").first)
                    kill(pid, SIGKILL)
                    try await eventually("another gateway starts", within: .seconds(30)) {
                        try system.pids("CHORUS_GATEWAY_PID").first.map { $0 != pid } ?? false
                    }
                }
                try await eventually("it is put aside", within: .seconds(30)) {
                    try await Self.count(QueueNames.intakeRejected, publisher) == 1
                }
                try await publisher.publish([good], timeout: .seconds(10))
                try await system.waitForCompleted(1, within: .seconds(30))
                #expect(try await system.count("SELECT count(*) FROM intake_trials") == 0)
            }
        }
    }
}
