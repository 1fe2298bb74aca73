import AMQP
import Domain
import FoundationEssentials
import Queues

/// The copy of a refused message for `chorus.intake.rejected`: as it came, with the reason, and without what must not lie there.
///
/// - The credential is taken out: whoever hands the message in again adds one. The id of the key stands in its place, where it is known.
/// - `expiration` is dropped, or the copy would vanish; `CC` and `BCC` are renamed, or the broker would send it to the queues they name.
/// - What AMQP carries and this client would break (texts that are not UTF-8 and grow beyond 255 bytes, headers of more than 32 KiB) is left
///   out, so that there is always a copy that can be published.
struct RejectedMessage {
    static let headersLimit = 32 << 10
    static let reasonLimit = 8 << 10

    let message: AMQPMessage

    init(_ original: AMQPMessage, omittedBodySize: Int? = nil, problem: Problem, keyID: UUID?, maxBodySize: Int) {
        var headers: [String: AMQPFieldValue] = [
            "x-reason": .string(problem.bounded(to: Self.reasonLimit).json.text),
            "x-routing-key": .string(Self.fitting(original.routingKey) ?? ""),
        ]
        if let keyID { headers["x-api-key-id"] = .string(keyID.text) }
        if let omittedBodySize { headers["x-body-size"] = .int(Int64(omittedBodySize)) }
        var copy = AMQPMessage(
            exchange: "", routingKey: QueueNames.intakeRejected, body: original.body,
            contentType: Self.fitting(original.contentType), contentEncoding: Self.fitting(original.contentEncoding),
            messageID: Self.fitting(original.messageID), correlationID: Self.fitting(original.correlationID),
            replyTo: Self.fitting(original.replyTo), type: Self.fitting(original.type), appID: Self.fitting(original.appID),
            headers: headers, timestamp: original.timestamp, priority: original.priority)
        let kept = Self.kept(original.headers)
        let size = AMQPFieldValue.table(kept).encodedSize
        copy.headers = kept.merging(headers) { $1 }
        if size > Self.headersLimit || (try? copy.validate(maxBodySize: maxBodySize)) == nil {
            headers["x-headers-omitted"] = .int(Int64(size))
            copy.headers = headers
        }
        message = copy
    }

    private static func kept(_ headers: [String: AMQPFieldValue]) -> [String: AMQPFieldValue] {
        var kept: [String: AMQPFieldValue] = [:]
        for (name, value) in headers where !mayHoldKey(name, value) {
            switch name {
            case "CC", "BCC": kept["x-" + name.lowercased()] = value
            default: kept[name] = value
            }
        }
        return kept
    }

    /// Also for a credential that somebody put into another header.
    private static func mayHoldKey(_ name: String, _ value: AMQPFieldValue) -> Bool {
        if [IntakeMessage.authorizationHeader, "x-api-key"].contains(name.lowercased()) { return true }
        guard let text = value.text else { return false }
        return text.contains("chs_") || text.lowercased().hasPrefix("bearer ")
    }

    /// nil for what no short string of AMQP holds.
    private static func fitting(_ text: String?) -> String? {
        text.flatMap { $0.utf8.count <= 255 ? $0 : nil }
    }
}
