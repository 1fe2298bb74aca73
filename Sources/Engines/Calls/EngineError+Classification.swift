import Domain
import HTTPTypes
import NIOURLSession

extension EngineError {
    /// Names a call that brought no complete answer.
    init(_ error: NIOURLSessionError, timeouts: NIOURLSessionTimeouts, partial: PartialAnswer? = nil) {
        let sent = error.delivery == .maybeSent
        let kind: Kind =
            switch error.code {
            case .cancelled: .cancelled
            case .invalidURL, .invalidRequest, .bodyTooLarge: .permanent
            case .invalidResponse: .passing
            default: sent ? .unknown : .notSent
            }
        let words: String? =
            switch error.code {
            case .firstByteTimeout: "no answer began within \(DurationText.text(timeouts.firstByte))"
            case .idleTimeout: "the answer stood still for \(DurationText.text(timeouts.idle))"
            case .callTimeout: "the call was not over within \(DurationText.text(timeouts.call))"
            default: nil
            }
        self.init(kind, words.map { "\(error.code.rawValue): \($0)" } ?? error.description, wasSent: sent, partial: partial)
    }

    /// Names an answer that is no 2xx, by the format's table.
    init(_ complaint: EngineComplaint, status: Int, fields: HTTPFields, rules: [ErrorRule], now: Int) {
        let kind = rules.kind(of: complaint, status: status)
        let retryAfter: Duration? =
            switch kind {
            case .refused:
                RetryAfter.duration(in: fields, now: now) ?? complaint.retryAfter ?? RateLimitReset.duration(in: fields, now: now)
            case .passing, .unknown: RetryAfter.duration(in: fields, now: now) ?? complaint.retryAfter
            default: nil
            }
        self.init(kind, complaint.message.isEmpty ? "HTTP \(status)" : complaint.message, statusCode: status, retryAfter: retryAfter)
    }

    /// Names an error that the engine told within its stream. One that had begun to answer did not do nothing.
    init(_ complaint: EngineComplaint, within draft: ReplyDraft, rules: [ErrorRule]) {
        var kind = rules.kind(of: complaint, status: nil)
        let partial = PartialAnswer(draft)
        if kind == .refused, !draft.text.isEmpty { kind = .passing }
        self.init(
            kind, "the engine broke off: \(complaint.message)", retryAfter: complaint.retryAfter, wasSent: true, partial: partial)
    }

    /// The same with the secret blotted out, and with what is known of the answer.
    func redacting(_ secret: Secret?, statusCode: Int? = nil, partial: PartialAnswer? = nil) -> EngineError {
        let known = self.partial ?? partial
        return EngineError(
            kind, secret?.redacted(from: message) ?? message, statusCode: self.statusCode ?? statusCode, retryAfter: retryAfter,
            wasSent: wasSent,
            partial: known.map { PartialAnswer(text: secret?.redacted(from: $0.text) ?? $0.text, usage: $0.usage) })
    }
}
