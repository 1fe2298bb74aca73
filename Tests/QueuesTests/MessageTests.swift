import AMQP
import Domain
import Foundation
import Queues
import Testing

@Suite struct MessageTests {
    @Test func queuesAreNamedByPartitionAndLane() {
        #expect(QueueNames.tasks(TaskQueue(partition: 3, lane: .high)) == "chorus.tasks.3.high")
        #expect(QueueNames.projects(partition: 7) == "chorus.projects.7")
        let topology = AMQPTopology.chorus(partitioning: .standard, queueType: .classic)
        #expect(topology.queues.count == 8 * 4 + 8)
        #expect(topology.bindings.count == topology.queues.count)
        #expect(topology.queues.allSatisfy { $0.isDurable && $0.arguments["x-queue-type"] == .string("classic") })
    }

    @Test func aTaskMessageSaysWhatTheContractSays() throws {
        let message = TaskMessage(taskID: .v7(), projectID: .v7(), priority: 5, attempt: 2)
        let json = try JSONValue(parsing: message.body)
        #expect(json.objectValue?.keys == ["task_id", "project_id", "priority", "attempt"])
        #expect(TaskMessage(body: message.body) == message)
        let sent = message.message(partitioning: .standard)
        #expect(sent.exchange == "chorus.tasks")
        #expect(sent.routingKey == "\(Partitioning.standard.partition(of: message.projectID)).high")
        #expect(sent.isPersistent && sent.isMandatory)
    }

    @Test func aProjectMessageSaysWhatTheContractSays() {
        let message = ProjectMessage(projectID: .v7())
        let sent = message.message(partitioning: .standard)
        #expect(ProjectMessage(body: sent.body) == message)
        #expect(sent.exchange == "chorus.projects")
        #expect(sent.routingKey == "\(Partitioning.standard.partition(of: message.projectID))")
    }

    @Test(arguments: [
        "", "{", "[]", "{}", #"{"task_id":"x","project_id":"y"}"#, #"{"task_id":1}"#, "\u{0}", #"{"event":"created","project_id":3}"#,
    ])
    func strangeBodiesAreNoMessages(body: String) {
        #expect(TaskMessage(body: Array(body.utf8)) == nil)
        #expect(ProjectMessage(body: Array(body.utf8)) == nil)
    }
}
