import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// Reads the JSON body of a request, up to a limit.
struct BodyReader: Sendable {
    /// Bytes.
    let limit: Int

    /// - Throws: `Problem`; `UnreadBody` where the answer must end the connection.
    func json(_ request: Request) async throws -> JSONValue {
        guard Self.isJSON(request.headers[.contentType]) else {
            throw Problem(status: 415, title: "Unsupported media type", detail: "Send the body as application/json.")
        }
        let tooLarge = Problem(status: 413, title: "Content too large", detail: "A body may have \(limit) bytes.")
        if let length = request.headers[.contentLength].flatMap(Int.init), length > limit {
            // So little may be read and dropped, and the connection lives on.
            if length / 4 <= limit { throw tooLarge }
            throw UnreadBody(problem: tooLarge)
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw UnreadBody(problem: tooLarge)
        } catch {
            throw UnreadBody(problem: .badRequest("The body broke off."))
        }
        do {
            return try body.withUnsafeReadableBytes { try JSONValue(parsing: $0.bindMemory(to: UInt8.self)) }
        } catch let error as JSONError {
            throw Problem(error)
        }
    }

    /// A missing type is taken for JSON.
    static func isJSON(_ contentType: String?) -> Bool {
        guard let type = mediaType(contentType) else { return true }
        return type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }

    /// The type itself, in lower case and without its parameters.
    static func mediaType(_ contentType: String?) -> String? {
        contentType?.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
    }

    /// Refuses a key whose promise cannot be kept: ignoring it would store a repeated request twice.
    static func refuseIdempotencyKey(_ request: Request) throws(Problem) {
        guard request.headers[.idempotencyKey] == nil else {
            throw .badRequest(
                "Idempotency-Key is not supported yet.", errors: [FieldError(pointer: "Idempotency-Key", detail: "is not supported yet")])
        }
    }
}

/// A body that cannot be read to its end within bounds: the connection is of no use behind the answer.
struct UnreadBody: Error {
    var problem: Problem
}
