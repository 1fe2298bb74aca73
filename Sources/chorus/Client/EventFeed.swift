import Domain
import Foundation
import HTTPTypes
import NIOURLSession

/// Follows a stream of events, and takes it up again where it broke off.
struct EventFeed {
    struct Event {
        var name = ""
        var data = ""
        var id: String?
    }

    /// The gateway says every 15 s that it lives.
    private static let timeouts = NIOURLSessionTimeouts(firstByte: .seconds(30), idle: .seconds(45), call: .seconds(365 * 24 * 3_600))
    /// Failures in a row after which it gives up.
    private static let most = 20

    let client: APIClient
    let path: String

    /// Hands over each event until `take` says that it was the last, or the stream has come to its end.
    ///
    /// - Parameter opened: called when the stream is there, each time: what happens from then on comes.
    /// - Throws: what the gateway refuses; the last failure where it cannot be reached for long.
    func follow(opened: () -> Void = {}, _ take: (Event) throws -> Bool) async throws {
        var last: String?
        var failures = 0
        while true {
            do {
                let (bytes, status) = try await client.stream(path, after: last, timeouts: Self.timeouts)
                if status == 204 { return }
                failures = 0
                opened()
                var event = Event()
                var line: [UInt8] = []
                for try await piece in bytes {
                    for byte in piece {
                        if byte != UInt8(ascii: "\n") {
                            line.append(byte)
                            continue
                        }
                        if line.isEmpty {
                            if let id = event.id { last = id }
                            if !event.data.isEmpty, try !take(event) { return }
                            event = Event()
                        } else {
                            Self.read(String(decoding: line, as: UTF8.self), into: &event)
                            line.removeAll(keepingCapacity: true)
                        }
                    }
                }
            } catch let error as NIOURLSessionError {
                failures += 1
                if failures == Self.most { throw error }
            } catch let error as APIError where [429, 503].contains(error.status) {
                failures += 1
                if failures == Self.most { throw error }
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private static func read(_ line: String, into event: inout Event) {
        guard let colon = line.firstIndex(of: ":") else { return }
        let rest = line[line.index(after: colon)...]
        let value = String(rest.first == " " ? rest.dropFirst() : rest)
        switch line[..<colon] {
        case "event": event.name = value
        case "id": event.id = value
        case "data": event.data += value
        default: break
        }
    }
}

extension APIClient {
    /// A stream of events, from its head on; the status is 200 or 204.
    func stream(
        _ path: String, after id: String?, timeouts: NIOURLSessionTimeouts
    ) async throws -> (bytes: NIOURLSessionBytes, status: Int) {
        var request = HTTPRequest(method: .get, scheme: scheme, authority: authority, path: path)
        request.headerFields[.authorization] = "Bearer \(key)"
        request.headerFields[.accept] = "text/event-stream"
        if let id, let name = HTTPField.Name("Last-Event-ID") { request.headerFields[name] = id }
        let (bytes, response) = try await session.bytes(for: request, timeouts: timeouts)
        guard (200..<300).contains(response.status.code) else {
            var body: [UInt8] = []
            for try await piece in bytes { body += piece }
            throw (try? JSONValue(parsing: body)).map { APIError(status: response.status.code, problem: $0) }
                ?? APIError(status: response.status.code, message: "\(scheme)://\(authority) answered \(response.status.code)")
        }
        return (bytes, response.status.code)
    }
}
