import Domain
import HTTPTypes
import Logging
import NIOURLSession
import Store
import Synchronization
import TestSupport

/// One event as a browser would see it.
struct ReceivedEvent: Sendable {
    /// nil where the event had none.
    var id: Int64?
    var name: String
    var data: JSONValue

    var taskID: String? { data["task_id"]?.stringValue }
}

/// Reads a stream of events, by the rules of the standard and nothing else.
final class EventReader: Sendable {
    private struct State {
        var events: [ReceivedEvent] = []
        var lastID: String?
        var status: Int?
        var fields: HTTPFields = [:]
        var isAtEnd = false
        var comments = 0
    }

    private let state = Mutex(State())
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Begins to read; `finish` ends it.
    static func open(_ path: String, of fixture: GatewayFixture, port: Int? = nil, key: String? = nil, after: String? = nil) -> EventReader
    {
        var headers: HTTPFields = [.authorization: "Bearer \(key ?? fixture.key.secret)"]
        if let after, let name = HTTPField.Name("Last-Event-ID") { headers[name] = after }
        let request = HTTPRequest(
            method: .get, scheme: "http", authority: "127.0.0.1:\(port ?? fixture.port)", path: path, headerFields: headers)
        let reader = EventReader()
        let task = Task { await reader.read(request) }
        reader.task.withLock { $0 = task }
        return reader
    }

    private func read(_ request: HTTPRequest) async {
        let session = NIOURLSession(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            let (bytes, head) = try await session.bytes(for: request)
            state.withLock { state in
                state.fields = head.headerFields
                state.status = head.status.code
            }
            var line: [UInt8] = []
            var event = (name: "", data: [String](), id: String?.none)
            for try await chunk in bytes {
                for byte in chunk {
                    if byte != UInt8(ascii: "\n") {
                        line.append(byte)
                        continue
                    }
                    take(String(decoding: line, as: UTF8.self), &event)
                    line = []
                }
            }
        } catch {
        }
        state.withLock { $0.isAtEnd = true }
        await session.shutdown()
    }

    private func take(_ line: String, _ event: inout (name: String, data: [String], id: String?)) {
        guard !line.isEmpty else {
            state.withLock { state in
                if let id = event.id { state.lastID = id }
                if !event.data.isEmpty {
                    let data = (try? JSONValue(parsing: Array(event.data.joined(separator: "\n").utf8))) ?? .null
                    state.events.append(ReceivedEvent(id: event.id.flatMap(Int64.init), name: event.name, data: data))
                }
            }
            event = ("", [], nil)
            return
        }
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count > 1 ? String(parts[1].first == " " ? parts[1].dropFirst() : parts[1]) : ""
        switch parts[0] {
        case "": state.withLock { $0.comments += 1 }
        case "id": event.id = value
        case "event": event.name = value
        case "data": event.data.append(value)
        default: break
        }
    }

    var events: [ReceivedEvent] { state.withLock { $0.events } }
    var names: [String] { events.map(\.name) }
    var lastID: String? { state.withLock { $0.lastID } }
    var status: Int? { state.withLock { $0.status } }
    var fields: HTTPFields { state.withLock { $0.fields } }
    var isAtEnd: Bool { state.withLock { $0.isAtEnd } }
    var comments: Int { state.withLock { $0.comments } }

    /// The first lines of the stream are there: whatever happens now is in it.
    func ready() async throws { try await eventually("the stream has begun") { lastID != nil || isAtEnd } }

    func close() async {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
    }
}
