import Domain
import HTTPTypes
import NIOURLSession

extension EngineError {
    /// Names a call that brought no complete answer.
    init(_ error: NIOURLSessionError) {
        let sent = error.delivery == .maybeSent
        let kind: Kind =
            switch error.code {
            case .cancelled: .cancelled
            case .invalidURL, .invalidRequest, .bodyTooLarge: .permanent
            case .invalidResponse: .passing
            default: sent ? .unknown : .notSent
            }
        self.init(kind, error.description, wasSent: sent)
    }

    /// Names an answer that is no 2xx.
    init(status: Int, fields: HTTPFields, words: String, now: Int) {
        let kind: Kind =
            switch status {
            case 429, 503, 529: .refused
            case 408, 409, 425, 500...: .passing
            default: .permanent
            }
        let retryAfter = kind == .refused || kind == .passing ? RetryAfter.duration(in: fields, now: now) : nil
        self.init(kind, words.isEmpty ? "HTTP \(status)" : words, statusCode: status, retryAfter: retryAfter)
    }

    /// The same with the secret blotted out.
    func redacting(_ secret: Secret?) -> EngineError {
        guard let secret else { return self }
        return EngineError(kind, secret.redacted(from: message), statusCode: statusCode, retryAfter: retryAfter, wasSent: wasSent)
    }
}
