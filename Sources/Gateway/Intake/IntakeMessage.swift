import AMQP
import Domain
import FoundationEssentials
import Queues
import Store

/// What a message of `chorus.intake` asks for, checked as far as it can be without the database.
struct IntakeMessage: Sendable {
    /// The routing key.
    enum Kind: String, Sendable, CaseIterable {
        case createProject = "project.create"
        case createTasks = "task.create"
        case cancelTask = "task.cancel"
    }

    static let authorizationHeader = "authorization"

    let kind: Kind
    /// `message_id`: the sender's name for it, under which it is done once.
    let id: String?
    /// As it came: what a repetition is known by.
    let bytes: [UInt8]
    let body: JSONValue

    /// - Throws: what the sender did wrong.
    init(_ message: AMQPMessage, omittedBodySize: Int?, bodyLimit: Int) throws(Problem) {
        guard let kind = Kind(rawValue: message.routingKey) else {
            let known = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest(
                "The routing key must be one of \(known).", errors: [FieldError(pointer: "routing_key", detail: "is not known")])
        }
        self.kind = kind
        id = try Self.id(of: message)
        if let queue = message.replyTo, !queue.isEmpty, !Self.allows(replyTo: queue) {
            throw .badRequest(
                "The reply_to is not valid.",
                errors: [FieldError(pointer: "reply_to", detail: "must be a queue's name that does not begin with '\(QueueNames.prefix)'")])
        }
        guard BodyReader.isJSON(message.contentType), message.contentEncoding.map({ $0.isEmpty }) ?? true else {
            throw Problem(
                status: 415, title: "Unsupported media type", detail: "Send the body as application/json, without a content_encoding.")
        }
        let size = omittedBodySize ?? message.body.count
        guard size <= bodyLimit else {
            throw Problem(status: 413, title: "Content too large", detail: "A body may have \(bodyLimit) bytes; this one has \(size).")
        }
        bytes = message.body
        do throws(JSONError) {
            body = try JSONValue(parsing: message.body)
        } catch {
            throw Problem(error)
        }
    }

    /// What the header `authorization` shows, whatever its case; nil where there is nothing that could be ours.
    static func credential(in message: AMQPMessage) -> Credential? {
        message.headers.first { $0.key.lowercased() == authorizationHeader }?.value.text.flatMap(Credential.init(authorization:))
    }

    private static func id(of message: AMQPMessage) throws(Problem) -> String? {
        // An empty one is what some clients send for none.
        guard let id = message.messageID, !id.isEmpty else { return nil }
        guard IdempotencyKey.allows(id) else {
            throw .badRequest(
                "The message_id is not valid.",
                errors: [FieldError(pointer: "message_id", detail: "must be 1 to 255 printable ASCII characters")])
        }
        return id
    }

    /// Whether an answer may be sent there. A queue of Chorus's own would take it for work.
    static func allows(replyTo queue: String) -> Bool {
        (1...255).contains(queue.utf8.count) && !queue.hasPrefix(QueueNames.prefix) && !queue.unicodeScalars.contains("\u{FFFD}")
    }
}

extension IdempotentRequest {
    /// nil where the message has no id: then nothing knows a repetition.
    init?(_ message: IntakeMessage, of principal: Principal) {
        guard let id = message.id else { return nil }
        self.init(key: IdempotencyKey(userID: principal.userID, source: .amqp, text: id), digest: message.digest)
    }
}

extension IntakeMessage {
    fileprivate var digest: [UInt8] { RequestDigest.of(bytes, method: kind.rawValue) }
}

extension AMQPMessage {
    /// By which a message that comes again is known, whatever it holds.
    var digest: [UInt8] { RequestDigest.of(body, method: routingKey, path: messageID ?? "") }
}

extension RequestDigest {
    fileprivate static func of(_ bytes: [UInt8], method: String, path: String = "") -> [UInt8] {
        var digest = RequestDigest(method: method, path: path)
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.finish()
    }
}
