import AMQP
import Domain
import FoundationEssentials
import Postgres
import Queues
import Store
import TestSupport
import Testing

@testable import Gateway
@testable import Operations

extension IntakeSuites {
    /// Messages at random, most of them wrong: each is done or refused, once, and the gateway goes on.
    @Suite(.serialized, .timeLimit(.minutes(4))) struct IntakeFuzzTests {
        @Test(arguments: [UInt64.random(in: 0 ... .max)]) func everyMessageIsDoneOrRefused(seed: UInt64) async throws {
            try await IntakeFixture.with { fixture in
                let project = try await fixture.makeProject()
                var random = SplitMix64(state: seed)
                let messages = (0..<3_000).map { Self.message($0, fixture, project, &random) }
                for start in stride(from: 0, to: messages.count, by: 500) {
                    try await fixture.send(Array(messages[start..<min(start + 500, messages.count)]))
                }
                try await eventually("every message is answered", within: .seconds(120)) { fixture.allAnswers.count == messages.count }
                let answers = fixture.allAnswers
                let wrong = Set(answers.filter { $0.value.contains { $0.status >= 400 } }.keys)
                try await eventually("every refused one is kept", within: .seconds(30)) { fixture.refused.count >= wrong.count }
                try await fixture.waitUntilTaken()

                #expect(answers.values.allSatisfy { $0.count == 1 })
                #expect(fixture.refused.count == wrong.count)
                #expect(Set(fixture.refused.compactMap(\.correlationID)) == wrong)
                #expect(fixture.refused.allSatisfy { $0.reason?["status"]?.intValue ?? 0 >= 400 })
                #expect(answers.values.joined().allSatisfy { $0.status < 500 })
                #expect(!fixture.refused.contains { "\($0.headers)".contains(fixture.gateway.key.secret) })
                // What was promised is there, and nothing else.
                let done = answers.values.joined().filter { $0.status < 400 }
                let promised = Set(
                    done.flatMap { answer in
                        answer.json["task_ids"]?.arrayValue?.compactMap(\.stringValue) ?? answer.json["task_id"]?.stringValue.map { [$0] }
                            ?? []
                    })
                let stored = try await fixture.gateway.database.query("SELECT task_id::text FROM tasks") { try $0.decode(String.self) }
                #expect(Set(stored) == promised && stored.count == promised.count)
                // Both kinds were there.
                #expect(done.count > 300 && wrong.count > 300)
            }
        }

        private static func message(
            _ number: Int, _ fixture: IntakeFixture, _ project: String, _ random: inout SplitMix64
        ) -> AMQPMessage {
            let valid = [
                ("task.create", IntakeFixture.task(project, "n\(number)")),
                ("task.create", "[\(IntakeFixture.task(project)),\(IntakeFixture.task(project))]"),
                ("project.create", #"{"project_name":"Project \#(number)"}"#),
                ("task.cancel", #"{"task_id":"\#(UUID.v7().text)"}"#),
            ]
            let (kind, body) = valid[Int.random(in: 0..<100, using: &random) < 80 ? 0 : Int.random(in: 0..<4, using: &random)]
            let id: String? = Bool.random(using: &random) ? "m\(Int.random(in: 0..<5_000, using: &random))" : nil
            var message = fixture.message(kind, body, id: id, correlation: "\(number)")
            switch Int.random(in: 0..<12, using: &random) {
            case 0...3: break
            case 4: message.body = flipped(message.body, &random)
            case 5: message.body = Array(message.body.prefix(Int.random(in: 0..<message.body.count, using: &random)))
            case 6: message.body = bytes(0...2_000, &random)
            case 7:
                message.body = Array(
                    String(repeating: ["[", "{\"a\":", "\"", "9", "\u{0}"][Int.random(in: 0..<5, using: &random)], count: 20_000).utf8)
            case 8: message.routingKey = String(text(0...60, &random).prefix(60))
            case 9: message.headers["authorization"] = value(2, &random)
            case 10:
                for _ in 0..<Int.random(in: 1...20, using: &random) { message.headers[text(1...20, &random)] = value(5, &random) }
                message.headers["CC"] = nil
                message.headers["BCC"] = nil
            default:
                message.messageID = text(0...60, &random)
                message.contentType = Bool.random(using: &random) ? text(0...40, &random) : nil
                message.type = text(0...60, &random)
                message.appID = text(0...60, &random)
                message.priority = UInt8.random(in: 0...255, using: &random)
                message.timestamp = UInt64.random(in: 0 ... .max, using: &random)
                message.expiration = "600000"
            }
            return message
        }

        private static func flipped(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
            var bytes = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                guard let index = bytes.indices.randomElement(using: &random) else { break }
                bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            return bytes
        }

        private static func bytes(_ count: ClosedRange<Int>, _ random: inout SplitMix64) -> [UInt8] {
            (0..<Int.random(in: count, using: &random)).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        }

        private static func text(_ count: ClosedRange<Int>, _ random: inout SplitMix64) -> String {
            String(String.UnicodeScalarView(bytes(count, &random).map { Unicode.Scalar($0) }))
        }

        private static func value(_ depth: Int, _ random: inout SplitMix64) -> AMQPFieldValue {
            switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
            case 0: .string(text(0...300, &random))
            case 1: .int(Int64.random(in: .min ... .max, using: &random))
            case 2: .bytes(bytes(0...100, &random))
            case 3: .double(Double.random(in: -1e300...1e300, using: &random))
            case 4: .null
            case 5: .timestamp(UInt64.random(in: 0 ... .max, using: &random))
            case 6: .table(Dictionary((0..<3).map { _ in (text(0...10, &random), value(depth - 1, &random)) }) { $1 })
            default: .array((0..<3).map { _ in value(depth - 1, &random) })
            }
        }
    }
}
