import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Store

extension IdempotencyKey {
    /// The request's `Idempotency-Key`, taken as it stands; nil where it has none.
    init?(_ request: Request, of principal: Principal) throws(Problem) {
        guard let text = request.headers[.idempotencyKey] else { return nil }
        guard Self.allows(text) else {
            throw .badRequest(
                "The Idempotency-Key is not valid.",
                errors: [FieldError(pointer: "Idempotency-Key", detail: "must be 1 to 255 printable ASCII characters")])
        }
        self.init(userID: principal.userID, source: .http, text: text)
    }
}

extension IdempotentRequest {
    init(_ request: Request, key: IdempotencyKey, body: ByteBuffer) {
        var digest = RequestDigest(request)
        digest.update(body)
        self.init(key: key, digest: digest.finish())
    }
}

extension RequestDigest {
    init(_ request: Request) { self.init(method: request.method.rawValue, path: request.uri.path) }

    mutating func update(_ piece: ByteBuffer) { piece.withUnsafeReadableBytes { update($0) } }
}

extension Response {
    /// What an earlier request under the same key was answered.
    init(repeating remembered: RememberedAnswer) {
        let answer = remembered.answer
        let type = answer.status < 400 ? "application/json" : "application/problem+json"
        self.init(
            status: HTTPResponse.Status(code: answer.status), headers: [.contentType: type, .idempotencyReplayed: "true"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: answer.body)))
        if let location = answer.location { headers[.location] = location }
    }
}
