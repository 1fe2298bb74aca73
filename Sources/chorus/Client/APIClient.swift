import ArgumentParser
import Domain
import Foundation
import HTTPTypes
import Logging
import NIOURLSession

/// Where the gateway is, and how to answer.
struct ClientOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway; without, $CHORUS_URL.", valueName: "url"))
    var url: String?
    @Flag(help: "Answer in JSON.")
    var json = false

    /// Runs `body` with a client, whose key is read from `$CHORUS_API_KEY`: a command line can be seen by others.
    func withClient<Value>(_ body: (APIClient) async throws -> Value) async throws -> Value {
        let environment = ProcessInfo.processInfo.environment
        guard let url = url ?? environment["CHORUS_URL"] else {
            throw ConfigurationFault(
                place: "--url", message: "say where the gateway is: --url or CHORUS_URL, such as http://127.0.0.1:8080")
        }
        guard let key = environment["CHORUS_API_KEY"], !key.isEmpty else {
            throw ConfigurationFault(place: "CHORUS_API_KEY", message: "is not set: it must hold your API key (chs_…)")
        }
        guard let address = URL(string: url), let scheme = address.scheme, let host = address.host else {
            throw ConfigurationFault(place: "--url", message: "'\(url)' is no URL such as http://127.0.0.1:8080")
        }
        let authority = address.port.map { "\(host):\($0)" } ?? host
        let logger = Logger.standardError("chorus", level: .error)
        let session = NIOURLSession(logger: logger)
        do {
            let value = try await body(APIClient(session: session, scheme: scheme, authority: authority, key: key))
            await session.shutdown()
            return value
        } catch {
            await session.shutdown()
            throw error
        }
    }
}

/// The gateway's HTTP API, as clients use it.
struct APIClient: Sendable {
    let session: NIOURLSession
    let scheme: String
    let authority: String
    let key: String

    func get(_ path: String, query: [(String, String?)] = [], timeouts: NIOURLSessionTimeouts? = nil) async throws -> JSONValue {
        try await send(.get, path, query, body: [], timeouts: timeouts)
    }

    /// - Parameter key: a name under which the request is done once, however often it is sent.
    func post(_ path: String, _ body: JSONValue, key: String? = nil) async throws -> JSONValue {
        try await send(.post, path, [], body: body.serialized(), key: key)
    }

    /// Sends values as lines (`application/x-ndjson`); the answer may take as long as the gateway needs to store them.
    func post(_ path: String, lines: [UInt8], key: String? = nil) async throws -> JSONValue {
        try await send(.post, path, [], body: lines, type: "application/x-ndjson", key: key)
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ query: [(String, String?)], body: [UInt8], type: String = "application/json",
        key: String? = nil, timeouts: NIOURLSessionTimeouts? = nil
    ) async throws -> JSONValue {
        var request = HTTPRequest(method: method, scheme: scheme, authority: authority, path: path + Self.text(query))
        request.headerFields[.authorization] = "Bearer \(self.key)"
        request.headerFields[.accept] = "application/json"
        if !body.isEmpty { request.headerFields[.contentType] = type }
        if let key, let name = HTTPField.Name("Idempotency-Key") { request.headerFields[name] = key }
        let (bytes, response) = try await session.upload(for: request, from: body, timeouts: timeouts)
        guard let answer = try? JSONValue(parsing: bytes, limits: JSONLimits(depth: 512)) else {
            throw APIError(status: response.status.code, message: "\(scheme)://\(authority) answered \(response.status.code) without JSON")
        }
        guard (200..<300).contains(response.status.code) else { throw APIError(status: response.status.code, problem: answer) }
        return answer
    }

    private static func text(_ query: [(String, String?)]) -> String {
        var components = URLComponents()
        components.queryItems = query.compactMap { name, value in value.map { URLQueryItem(name: name, value: $0) } }
        return components.percentEncodedQuery.map { $0.isEmpty ? "" : "?\($0)" } ?? ""
    }
}

/// What the gateway would not do, in its own words.
struct APIError: Error, CustomStringConvertible {
    var status: Int
    var message: String

    init(status: Int, message: String) {
        self.status = status
        self.message = message
    }

    init(status: Int, problem: JSONValue) {
        self.status = status
        message = "\(status) \(problem["title"]?.stringValue ?? "error")"
        if let detail = problem["detail"]?.stringValue { message += ": \(detail)" }
        for error in problem["errors"]?.arrayValue ?? [] {
            message += "\n  \(error["pointer"]?.stringValue ?? "") \(error["detail"]?.stringValue ?? "")"
        }
    }

    var description: String { message }
}
