public import AMQP
public import Domain
public import FoundationEssentials

/// Tells the workers of a new project, so that one of them checks its engines from where the work will run.
public struct ProjectMessage: Sendable, Hashable {
    public var projectID: UUID

    public init(projectID: UUID) { self.projectID = projectID }

    /// Reads the body of a delivery; nil where it is none of ours.
    public init?(body: [UInt8]) {
        guard let json = try? JSONValue(parsing: body), json["event"] == "created",
            let projectID = json["project_id"]?.stringValue.flatMap(UUID.init(text:))
        else { return nil }
        self.init(projectID: projectID)
    }

    public func message(partitioning: Partitioning) -> AMQPMessage {
        let body = JSONValue.object(["project_id": .string(projectID.text), "event": "created"]).serialized()
        let partition = partitioning.partition(of: projectID)
        var message = AMQPMessage(exchange: QueueNames.projectExchange, routingKey: "\(partition)", body: body)
        message.contentType = "application/json"
        message.messageID = projectID.text
        return message
    }
}
