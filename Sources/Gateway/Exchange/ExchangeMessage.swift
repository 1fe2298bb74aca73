import AMQP
import Domain
import FoundationEssentials
import Queues

extension AMQPMessage {
    /// An event for `chorus.events`. The broker returns what no queue takes: that tells whether anybody is there.
    ///
    /// An output that makes it larger than the broker's messages may be is left out: the task has it.
    init(_ event: EventRecord, maxBodySize: Int) {
        var body = event.json
        if body.count > maxBodySize {
            var event = event
            event.task?.output = nil
            body = event.json
        }
        self.init(
            exchange: QueueNames.events, routingKey: "\(event.name.rawValue).\(event.projectID.text)", body: body,
            contentType: "application/json", messageID: event.seq > 0 ? "\(event.seq)" : nil, type: event.name.rawValue,
            timestamp: UInt64(max(0, event.at.timeIntervalSince1970)))
    }
}
