import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Store

/// Reads the JSON body of a request, up to a limit.
struct BodyReader: Sendable {
    /// Bytes.
    let limit: Int

    /// - Throws: `Problem`; `UnreadBody` where the answer must end the connection.
    func json(_ request: Request) async throws -> JSONValue { try Self.json(try await bytes(request)) }

    /// The body and, where the request has a key, what its repetition is known by.
    func json(_ request: Request, under key: IdempotencyKey?) async throws -> (JSONValue, IdempotentRequest?) {
        let bytes = try await bytes(request)
        return (try Self.json(bytes), key.map { IdempotentRequest(request, key: $0, body: bytes) })
    }

    private func bytes(_ request: Request) async throws -> ByteBuffer {
        guard Self.isJSON(request.headers.value(of: .contentType)) else {
            throw Problem(status: 415, title: "Unsupported media type", detail: "Send the body as application/json.")
        }
        if let length = request.headers.value(of: .contentLength).flatMap(Int.init), length > limit {
            // So little may be read and dropped, and the connection lives on.
            if length / 4 <= limit { throw tooLarge }
            throw UnreadBody(problem: tooLarge)
        }
        do {
            return try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw UnreadBody(problem: tooLarge)
        } catch {
            throw UnreadBody(problem: .badRequest("The body broke off."))
        }
    }

    private var tooLarge: Problem { Problem(status: 413, title: "Content too large", detail: "A body may have \(limit) bytes.") }

    private static func json(_ body: ByteBuffer) throws(Problem) -> JSONValue {
        do throws(JSONError) {
            return try body.withUnsafeReadableBytes { bytes throws(JSONError) in try JSONValue(parsing: bytes.bindMemory(to: UInt8.self)) }
        } catch {
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
        // As nearly all write it.
        if contentType == "application/json" { return contentType }
        return contentType?.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
    }
}

/// A body that cannot be read to its end within bounds: the connection is of no use behind the answer.
struct UnreadBody: Error {
    var problem: Problem
}
