import AMQP
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct AMQPPublisherTests {
    @Test func publishesAndCounts() async throws {
        try await TestBroker.withQueue { publisher, queue in
            try await publisher.publish(TestBroker.messages(100, for: queue), timeout: .seconds(10))
            #expect(try await publisher.messageCount(queue) == 100)
            #expect(try await publisher.purge(queue) == 100)
            #expect(try await publisher.status(of: [queue]) == [AMQPQueueStatus(name: queue, messageCount: 0, consumerCount: 0)])
        }
    }

    @Test func tellsMissingQueuesFromOthers() async throws {
        try await TestBroker.withQueue { publisher, queue in
            let statuses = try await publisher.status(of: ["test.none.1", queue, "test.none.2", queue, "test.none.3"])
            #expect(statuses.map { $0?.name } == [nil, queue, nil, queue, nil])
            #expect(try await publisher.status(of: []).isEmpty)
        }
    }

    @Test func asksManyQuestionsAtOnce() async throws {
        try await TestBroker.withQueue { publisher, queue in
            let counts = try await publisher.status(of: Array(repeating: queue, count: 1_000)).count { $0 != nil }
            #expect(counts == 1_000)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<16 { group.addTask { try await publisher.status(of: [queue, "test.none"]).count } }
                for try await count in group { #expect(count == 2) }
            }
        }
    }

    @Test func unroutableMessagesAreReturned() async throws {
        try await TestBroker.withQueue { publisher, queue in
            var messages = TestBroker.messages(50, for: queue)
            for index in stride(from: 1, to: 50, by: 2) { messages[index].routingKey = "test.nowhere" }
            messages[49].isMandatory = false
            let outcomes = try await publisher.outcomes(of: messages, timeout: .seconds(10))
            for (index, outcome) in outcomes.enumerated() {
                let isReturned = index % 2 == 1 && index != 49
                #expect(outcome == (isReturned ? .returned(code: 312, text: "NO_ROUTE") : .confirmed))
            }
            await #expect {
                try await publisher.publish(messages, timeout: .seconds(10))
            } throws: { error in
                let error = error as? AMQPError
                return error?.code == .unconfirmed && error?.outcomes.count == 50 && error?.isRetryable == false
            }
        }
    }

    @Test func fullQueuesRefuse() async throws {
        try await TestBroker.withQueue(arguments: ["x-max-length": 2, "x-overflow": "reject-publish"]) { publisher, queue in
            let outcomes = try await publisher.outcomes(of: TestBroker.messages(20, for: queue), timeout: .seconds(10))
            #expect(outcomes.contains(.confirmed) && outcomes.contains(.refused))
        }
    }

    /// Another channel is opened after a refusal, which declares the topology anew; nothing that is under way meanwhile is lost.
    @Test func aRefusalOpensAnotherChannel() async throws {
        try await TestBroker.withQueue(arguments: ["x-max-length": 1, "x-overflow": "reject-publish"]) { other, full in
            let queue = TestBroker.uniqueName("topology")
            try await TestBroker.withPublisher(AMQPTopology(queues: [AMQPQueue(name: queue)])) { publisher in
                for _ in 0..<3 {
                    try await other.delete(queue)
                    var refusals = 0
                    try await eventually("the topology is declared anew") {
                        let outcomes = try await publisher.outcomes(of: TestBroker.messages(5, for: full), timeout: .seconds(10))
                        refusals += outcomes.count { $0 == .refused }
                        #expect(!outcomes.contains(.unknown))
                        return try await other.messageCount(queue) != nil
                    }
                    #expect(refusals > 0)
                    try await publisher.publish(TestBroker.messages(100, for: queue), timeout: .seconds(10))
                }
                try await other.delete(queue)
            }
        }
    }

    @Test func aMissingExchangeIsReportedAndSurvived() async throws {
        try await TestBroker.withQueue { publisher, queue in
            let wrong = AMQPMessage(exchange: "test.no.exchange", routingKey: "", body: [])
            await #expect {
                try await publisher.publish([wrong], timeout: .seconds(10))
            } throws: { error in
                let error = error as? AMQPError
                return error?.code == .channelClosed && error?.brokerCode == 404 && error?.brokerText?.contains("no exchange") == true
                    && error?.outcomes == [.unknown]
            }
            try await publisher.publish(TestBroker.messages(1, for: queue), timeout: .seconds(10))
            #expect(publisher.isConnected)
        }
    }

    @Test func otherPropertiesOfAQueueAreAnError() async throws {
        try await TestBroker.withQueue { publisher, queue in
            await #expect {
                try await publisher.declare(AMQPTopology(queues: [AMQPQueue(name: queue, arguments: ["x-max-length": 1])]))
            } throws: { error in
                (error as? AMQPError)?.brokerCode == 406
            }
            try await publisher.declare(AMQPTopology(queues: [AMQPQueue(name: queue)]))
        }
    }

    @Test func refusesBeforeItIsConnected() async throws {
        let publisher = AMQPPublisher(configuration: try await TestBroker.configuration(), logger: TestBroker.logger)
        await #expect {
            try await publisher.publish(TestBroker.messages(1, for: "x"), timeout: .seconds(10))
        } throws: { error in
            (error as? AMQPError)?.code == .notConnected
        }
        #expect(!publisher.isConnected)
    }

    @Test func aWrongPasswordIsNamed() async throws {
        var configuration = try await TestBroker.configuration()
        configuration.password = "wrong-secret"
        await #expect {
            try await TestBroker.withPublisher(configuration: configuration, wait: .seconds(3)) { _ in }
        } throws: { error in
            (error as? AMQPError)?.brokerCode == 403 && !"\(error)".contains("wrong-secret")
        }
    }

    @Test func aMissingVirtualHostIsNamed() async throws {
        var configuration = try await TestBroker.configuration()
        configuration.virtualHost = "test-no-such-host"
        await #expect {
            try await TestBroker.withPublisher(configuration: configuration, wait: .seconds(3)) { _ in }
        } throws: { error in
            (error as? AMQPError)?.brokerCode == 530
        }
    }

    @Test func manyCallersShareTheChannel() async throws {
        try await TestBroker.withQueue { publisher, queue in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask { try await publisher.publish(TestBroker.messages(20, for: queue), timeout: .seconds(30)) }
                }
                try await group.waitForAll()
            }
            #expect(try await publisher.messageCount(queue) == 4_000)
        }
    }
}
