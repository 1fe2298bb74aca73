import Domain
import Foundation
import HTTPTypes
import Logging
import NIOURLSession
import Operations
import Postgres
import TestSupport

/// A whole system as `chorus dev` starts it: real servers, real processes.
struct DevSystem: Sendable {
    let folder: String
    let session: NIOURLSession
    let database: PostgresClient

    /// The program under test stands beside the test bundle.
    static var executable: String {
        get throws {
            let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return URL(filePath: bundle).deletingLastPathComponent().appending(path: "chorus").path
        }
    }

    /// Runs `body` against a fresh system, and stops it.
    ///
    /// - Parameter extra: variables that go over the environment of every process.
    static func with<Value>(
        _ arguments: [String], variables extra: [String: String] = [:], _ body: (DevSystem) async throws -> Value
    ) async throws -> Value {
        let folder = try await TestFolder.fresh("dev")
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CHORUS_") }
        environment["HOME"] = folder
        environment.merge(extra) { $1 }
        let dev = try await ChildProcess.start(
            ProcessCommand(
                executable: try executable, arguments: ["dev", "--data-dir", "\(folder)/data"] + arguments, environment: environment,
                logPath: "\(folder)/dev.log", parentDeathSignal: .terminate))
        do {
            try await eventually("the system is ready", within: .seconds(90)) {
                if let exit = dev.exitIfKnown { throw dev.failure(exit) }
                return try String(contentsOfFile: "\(folder)/dev.log", encoding: .utf8).contains("ready http://")
            }
            let variables = try variables(folder)
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let database = PostgresClient(
                configuration: try PostgresConfiguration(url: variables["CHORUS_DATABASE_URL"] ?? ""), logger: logger)
            let system = DevSystem(folder: folder, session: NIOURLSession(logger: logger), database: database)
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body(system)) } catch { outcome = .failure(error) }
            await database.close()
            await system.session.shutdown()
            await dev.terminate(grace: .seconds(60))
            return try outcome.get()
        } catch {
            await dev.terminate(grace: .seconds(60))
            throw error
        }
    }

    /// What `dev.env` says now; it is written anew when a child was started again.
    static func variables(_ folder: String) throws -> [String: String] {
        let text = try String(contentsOfFile: "\(folder)/data/dev.env", encoding: .utf8)
        return text.split(separator: "\n").reduce(into: [:]) { variables, line in
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { variables[String(parts[0])] = parts[1].trimmingCharacters(in: CharacterSet(charactersIn: "'\"")) }
        }
    }

    func pids(_ name: String) throws -> [Int32] {
        (try Self.variables(folder)[name] ?? "").split(separator: " ").compactMap { Int32($0) }
    }

    // MARK: HTTP

    func request(_ method: HTTPRequest.Method, _ path: String, body: [UInt8] = [], key: String? = nil) async throws -> (Int, JSONValue) {
        let variables = try Self.variables(folder)
        let authority = (variables["CHORUS_URL"] ?? "").replacingOccurrences(of: "http://", with: "")
        var request = HTTPRequest(method: method, scheme: "http", authority: authority, path: path)
        request.headerFields[.authorization] = "Bearer \(key ?? variables["CHORUS_API_KEY"] ?? "")"
        if !body.isEmpty { request.headerFields[.contentType] = "application/json" }
        let (bytes, response) = try await session.upload(for: request, from: body)
        return (response.status.code, try JSONValue(parsing: bytes, limits: JSONLimits(depth: 512)))
    }

    func makeProject(_ name: String) async throws -> String {
        let (status, project) = try await request(
            .post, "/v1/projects", body: JSONValue.object(["project_name": .string(name)]).serialized())
        guard status == 201, let id = project["project_id"]?.stringValue else { throw Unexpected(status: status, answer: project) }
        return id
    }

    /// Hands in `count` tasks with priorities 0 to 9 in turn, in one request.
    func submit(_ count: Int, to project: String, input: JSONObject = ["prompt": "hello"]) async throws -> [String] {
        let tasks = (0..<count).map { index -> JSONValue in
            ["task_type": "chat", "priority": .number(JSONNumber(index % 10)), "input_data": .object(input)]
        }
        let (status, answer) = try await request(.post, "/v1/projects/\(project)/tasks", body: JSONValue.array(tasks).serialized())
        guard status == 201, let ids = answer["task_ids"]?.arrayValue?.compactMap(\.stringValue) else {
            throw Unexpected(status: status, answer: answer)
        }
        return ids
    }

    struct Unexpected: Error {
        var status: Int
        var answer: JSONValue
    }

    // MARK: Database

    func count(_ query: PostgresQuery) async throws -> Int {
        try await database.query(query) { try $0.decode(Int.self) }.first ?? 0
    }

    /// Waits until that many tasks are completed.
    func waitForCompleted(_ count: Int, within limit: Duration) async throws {
        try await eventually("\(count) tasks are completed", within: limit, every: .milliseconds(100)) {
            // The database itself may be the one that was killed.
            (try? await self.count("SELECT count(*) FROM tasks WHERE status = 'completed'")) == count
        }
    }
}
