import Domain
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Synchronization

/// Somebody else's server: takes posts, and answers as it is told.
final class WebhookReceiver: Sendable {
    struct Post: Sendable {
        var fields: HTTPFields
        var path: String
        var body: String

        func field(_ name: String) -> String { HTTPField.Name(name).flatMap { fields[$0] } ?? "" }
        var json: JSONValue { (try? JSONValue(parsing: Array(body.utf8))) ?? .null }
    }

    private let state = Mutex(
        (posts: [Post](), answer: (@Sendable (Int) -> (status: Int, fields: HTTPFields))?.none))

    var posts: [Post] { state.withLock { $0.posts } }

    /// - Parameter answer: by how many posts came before.
    func answer(_ answer: @escaping @Sendable (Int) -> (status: Int, fields: HTTPFields)) {
        state.withLock { $0.answer = answer }
    }

    func answer(_ status: Int) { answer { _ in (status, [:]) } }

    /// Runs `body` with the receiver and its port.
    static func with(_ body: @Sendable @escaping (WebhookReceiver, Int) async throws -> Void)
        async throws
    {
        let receiver = WebhookReceiver()
        let router = Router()
        router.post("**") { request, _ in
            let bytes = try await request.body.collect(upTo: 1 << 20)
            let post = Post(
                fields: request.headers, path: request.uri.description, body: String(buffer: bytes))
            let (status, fields) = receiver.state.withLock { state in
                defer { state.posts.append(post) }
                return state.answer?(state.posts.count) ?? (204, [:])
            }
            return Response(status: HTTPResponse.Status(code: status), headers: fields)
        }
        let (ports, port) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in port.yield(channel.localAddress?.port ?? 0) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup { group in
            group.addTask { try await application.run() }
            for await port in ports {
                try await body(receiver, port)
                break
            }
            group.cancelAll()
            try? await group.waitForAll()
        }
    }
}
