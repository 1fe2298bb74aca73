import AMQP
import Domain
import FoundationEssentials
import Store

/// What came of a message.
enum IntakeOutcome: Sendable {
    /// It is done, or was done before: to be acknowledged.
    case done(IntakeAnswer)
    /// It is wrong, or may not: to `chorus.intake.rejected`. The key's id, where it was known.
    case refused(Problem, keyID: UUID?)
    /// Nothing is wrong with it, and the fault will pass: to be tried again.
    case later(any Error)

    /// What an error means for the message that met it.
    init(_ error: any Error, keyID: UUID?) {
        let problem = Problem(answering: error)
        // 503 and 504 are this side's and pass; so does the key of a request that is under way. All else stays as it is.
        let mayPass = problem.status == 503 || problem.status == 504 || (problem.status == 409 && problem.retryAfter != nil)
        self = mayPass ? .later(error) : .refused(problem, keyID: keyID)
    }
}

/// What the sender is told, in the words of HTTP.
struct IntakeAnswer: Sendable {
    var status: Int
    /// JSON.
    var body: [UInt8]
    /// The path of what was made.
    var location: String?
    /// An earlier message of the same id did it.
    var isRepeated = false

    init(status: Int, body: [UInt8], location: String? = nil) {
        self.status = status
        self.body = body
        self.location = location
    }

    init(repeating first: RememberedAnswer) {
        self.init(status: first.answer.status, body: Array(first.answer.body.utf8), location: first.answer.location)
        isRepeated = true
    }

    init(_ problem: Problem) {
        self.init(status: problem.status, body: problem.bounded(to: RejectedMessage.reasonLimit).json.serialized())
    }

    /// For the queue that the sender named. One that is not there is the sender's affair: then the broker drops the answer.
    func reply(to message: AMQPMessage) -> AMQPMessage? {
        guard let queue = message.replyTo, IntakeMessage.allows(replyTo: queue) else { return nil }
        var headers: [String: AMQPFieldValue] = ["status": .int(Int64(status))]
        if let location { headers["location"] = .string(location) }
        if isRepeated { headers["idempotency-replayed"] = true }
        return AMQPMessage(
            exchange: "", routingKey: queue, body: body,
            contentType: status < 400 ? "application/json" : "application/problem+json",
            correlationID: message.correlationID.flatMap { $0.utf8.count <= 255 ? $0 : nil }, headers: headers, isMandatory: false)
    }
}
