import AMQP
import TestSupport
import Testing

/// A task that prefers an executor gives way at each `await`, even where it stays on its actor: an answer may come before anybody waits
/// for it.
@Suite(.timeLimit(.minutes(2)))
struct ExecutorPreferenceTests {
    @Test func everyAnswerIsHeard() async throws {
        try await TestBroker.withQueue { publisher, queue in
            try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            // An answer that nobody hears is missed after ten seconds.
                            for _ in 0..<150 {
                                let statuses = try await publisher.status(of: [queue])
                                #expect(statuses.first??.name == queue)
                                try await publisher.publish(TestBroker.messages(1, for: queue), timeout: .seconds(5))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                var configuration = try await TestBroker.configuration()
                // Longer than the wait for a connection.
                configuration.rpcTimeout = .seconds(120)
                for _ in 0..<40 {
                    try await TestBroker.withConsumer(of: [queue], prefetch: 15, configuration: configuration) { consumer in
                        let deliveries = await consumer.take(15)
                        #expect(deliveries.count == 15)
                        await consumer.acknowledge(deliveries)
                    }
                }
            }
        }
    }
}
