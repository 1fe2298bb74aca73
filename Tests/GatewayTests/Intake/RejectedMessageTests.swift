import AMQP
import Domain
import FoundationEssentials
import Testing

@testable import Gateway

/// The copy of a refused message can always be published, and holds no credential.
@Suite(.timeLimit(.minutes(1))) struct RejectedMessageTests {
    private static let problem = Problem.badRequest("No.")

    private static func copy(
        _ change: (inout AMQPMessage) -> Void, problem: Problem = problem, keyID: UUID? = nil, omitted: Int? = nil
    ) -> AMQPMessage {
        var message = AMQPMessage(exchange: "chorus.intake", routingKey: "task.create", body: [1, 2])
        change(&message)
        return RejectedMessage(message, omittedBodySize: omitted, problem: problem, keyID: keyID, maxBodySize: 1_000).message
    }

    @Test func keepsWhatItMay() throws {
        let keyID = UUID.v7()
        let copy = Self.copy(
            {
                $0.messageID = "m"
                $0.correlationID = "c"
                $0.priority = 3
                $0.headers = ["a": 1, "Authorization": "Bearer chs_1", "X-API-Key": "chs_2", "b": .table(["c": .array([1, "x"])])]
            }, keyID: keyID, omitted: 7)
        #expect(copy.exchange.isEmpty && copy.routingKey == "chorus.intake.rejected" && copy.isPersistent && copy.isMandatory)
        #expect(copy.messageID == "m" && copy.correlationID == "c" && copy.priority == 3 && copy.body == [1, 2])
        #expect(
            copy.headers == [
                "a": 1, "b": .table(["c": .array([1, "x"])]), "x-routing-key": "task.create", "x-api-key-id": .string(keyID.text),
                "x-body-size": 7, "x-reason": .string(Self.problem.json.text),
            ])
        try copy.validate(maxBodySize: 1_000)
    }

    @Test func leavesOutWhatCannotBeSentAgain() throws {
        let replaced = String(repeating: "\u{FFFD}", count: 255)
        let changes: [(inout AMQPMessage) -> Void] = [
            { $0.headers = ["large": .string(String(repeating: "x", count: 100_000))] },
            { $0.headers = [replaced: 1] },
            { $0.headers = ["a": .array([.table([replaced: 1])])] },
        ]
        for change in changes {
            let copy = Self.copy(change)
            #expect(Set(copy.headers.keys) == ["x-reason", "x-routing-key", "x-headers-omitted"])
            try copy.validate(maxBodySize: 1_000)
        }
        let copy = Self.copy {
            $0.routingKey = replaced
            $0.messageID = replaced
            $0.type = "t"
        }
        #expect(copy.messageID == nil && copy.type == "t" && copy.headers["x-routing-key"] == "")
        try copy.validate(maxBodySize: 1_000)
    }

    @Test func theReasonIsBounded() throws {
        let errors = (0..<500).map { _ in
            FieldError(pointer: String(repeating: "\u{1}", count: 10_000), detail: String(repeating: "é", count: 9_999))
        }
        let copy = Self.copy({ _ in }, problem: .invalid(errors))
        let reason = try #require(copy.headers["x-reason"]?.text)
        #expect(reason.utf8.count <= RejectedMessage.reasonLimit)
        #expect(try JSONValue(parsing: reason)["status"] == 422)
        try copy.validate(maxBodySize: 1_000)
        let long = Problem.badRequest(String(repeating: "\u{1}", count: 100_000)).bounded(to: 500)
        #expect(long.json.serialized().count <= 500)
    }
}
