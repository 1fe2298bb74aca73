import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Store

extension IdempotencyKey {
    /// The request's `Idempotency-Key`, taken as it stands; nil where it has none.
    init?(_ request: Request, of principal: Principal) throws(Problem) {
        guard let text = try Self.text(request) else { return nil }
        self.init(userID: principal.userID, source: .http, text: text)
    }

    /// The same before anybody knows whose it is.
    static func text(_ request: Request) throws(Problem) -> String? {
        guard let text = request.headers[.idempotencyKey] else { return nil }
        guard allows(text) else {
            throw .badRequest(
                "The Idempotency-Key is not valid.",
                errors: [FieldError(pointer: "Idempotency-Key", detail: "must be 1 to 255 printable ASCII characters")])
        }
        return text
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

extension [UInt8] {
    /// The digest of a request whose body holds a password. That has no part in it: a digest is fast to try passwords on, and is kept.
    init(digestOf request: Request, withoutPasswordIn body: JSONValue) {
        var object = body.objectValue ?? [:]
        object["password"] = nil
        var digest = RequestDigest(request)
        digest.update(ByteBuffer(bytes: JSONValue.object(object).serialized()))
        self = digest.finish()
    }
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
