import Domain
import Foundation
import HTTPTypes
import Logging
import NIOURLSession
import Postgres
import Store
import TestSupport

@testable import Operations

/// Servers and processes that a test starts and stops one by one, where `chorus dev` would start them again at once.
struct Fleet: Sendable {
    let folder: String
    let postgres: PrivatePostgres
    let rabbitMQ: PrivateRabbitMQ
    let session: NIOURLSession
    let environment: [String: String]
    let key: APIKey
    let gatewayPort: Int
    let enginePort: Int

    /// Runs `body` with both servers and an engine; gateways and workers are the body's to start.
    static func with(engineLatency: String, _ body: (Fleet) async throws -> Void) async throws {
        let fleet = try await make()
        let engine = try await fleet.start(["simulate-engine", "--port", "\(fleet.enginePort)", "--latency", engineLatency])
        let outcome: Result<Void, any Error>
        do {
            try await eventually("the engine listens") { LoopbackProbe.isListening(port: fleet.enginePort) }
            outcome = .success(try await body(fleet))
        } catch {
            outcome = .failure(error)
        }
        await engine.terminate(grace: .seconds(5))
        await fleet.stop()
        try outcome.get()
    }

    /// Starts both servers and prepares them; the owner calls `stop()`.
    ///
    /// - Parameter variables: go over the environment of every process.
    static func make(_ variables: [String: String] = [:]) async throws -> Fleet {
        let postgres = try await TestServers.privatePostgres()
        let rabbitMQ = try await TestServers.privateRabbitMQ()
        async let databaseURL = postgres.start()
        async let brokerURL = rabbitMQ.start()
        let (gatewayPort, enginePort) = (try LoopbackPort.free(), try LoopbackPort.free())
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CHORUS_") }
        environment["CHORUS_DATABASE_URL"] = try await databaseURL
        environment["CHORUS_AMQP_URL"] = try await brokerURL
        environment["CHORUS_HTTP_PORT"] = "\(gatewayPort)"
        environment.merge(variables) { $1 }
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let key = try await prepare(try await databaseURL, enginePort: enginePort, logger)
        return Fleet(
            folder: try await TestFolder.fresh("fleet"), postgres: postgres, rabbitMQ: rabbitMQ, session: NIOURLSession(logger: logger),
            environment: environment, key: key, gatewayPort: gatewayPort, enginePort: enginePort)
    }

    func stop() async {
        await session.shutdown()
        await rabbitMQ.stop()
        await postgres.stop()
    }

    private static func prepare(_ url: String, enginePort: Int, _ logger: Logger) async throws -> APIKey {
        try await withDatabase(url) { database in
            _ = try await Migrator(database).migrate()
            let store = Store(database)
            let definition: JSONValue = [
                "name": "simulated", "engine_type": "openai", "base_url": .string("http://127.0.0.1:\(enginePort)/v1"),
                "model": "simulated",
            ]
            try await store.applyEngines([EngineRow(name: "simulated", type: "openai", definition: definition)])
            let user = try await store.createAccount(
                email: "owner@example.org",
                password: try PasswordHash(password: "correct horse", cost: ScryptCost(logRounds: 4, blockSize: 8, parallelism: 1)),
                fullName: nil)
            return try await store.createKey(userID: user, name: "test").key
        }
    }

    static func withDatabase<Value: Sendable>(_ url: String, _ body: (PostgresClient) async throws -> Value) async throws -> Value {
        let database = PostgresClient(
            configuration: try PostgresConfiguration(url: url), logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        do {
            let value = try await body(database)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }

    func count(_ query: PostgresQuery) async throws -> Int {
        try await Self.withDatabase(environment["CHORUS_DATABASE_URL"] ?? "") { database in
            try await database.query(query) { try $0.decode(Int.self) }.first ?? -1
        }
    }

    func start(_ arguments: [String], extra: [String: String] = [:], log: String? = nil) async throws -> ChildProcess {
        try await ChildProcess.start(
            ProcessCommand(
                executable: try DevSystem.executable, arguments: arguments,
                environment: environment.merging(extra, uniquingKeysWith: { $1 }),
                logPath: "\(folder)/\(log ?? "\(arguments[0])-\(UInt32.random(in: 0 ... .max))").log", parentDeathSignal: .kill))
    }

    func startGateway() async throws -> ChildProcess {
        let gateway = try await start(["gateway"])
        try await eventually("the gateway is ready", within: .seconds(30)) {
            if let exit = gateway.exitIfKnown { throw gateway.failure(exit) }
            return await LoopbackProbe.isHTTPReady(port: gatewayPort, path: "/readyz")
        }
        return gateway
    }

    /// `chorus verify`: its exit status, and all that it says.
    func verify(grace: String = "20s") async throws -> (ProcessExit?, String) {
        let child = try await start(["verify", "--grace", grace])
        guard let exit = await child.exit() else { throw CancellationError() }
        return (exit, try String(contentsOfFile: child.log.path, encoding: .utf8))
    }

    func request(_ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil) async throws -> (HTTPResponse, JSONValue) {
        try await send(method, path, port: gatewayPort, body)
    }

    func engineStats() async throws -> JSONValue { try await send(.get, "/stats", port: enginePort, nil).1 }

    func send(
        _ method: HTTPRequest.Method, _ path: String, port: Int, _ body: JSONValue?, timeouts: NIOURLSessionTimeouts? = nil
    ) async throws -> (HTTPResponse, JSONValue) {
        var request = HTTPRequest(method: method, scheme: "http", authority: "127.0.0.1:\(port)", path: path)
        request.headerFields[.authorization] = "Bearer \(key.secret)"
        if body != nil { request.headerFields[.contentType] = "application/json" }
        let (bytes, response) = try await session.upload(for: request, from: body?.serialized() ?? [], timeouts: timeouts)
        return (response, try JSONValue(parsing: bytes, limits: JSONLimits(depth: 512)))
    }

    /// An answer that has no end of its own, from its head on.
    func stream(_ path: String) async throws -> (NIOURLSessionBytes, HTTPResponse) {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "127.0.0.1:\(gatewayPort)", path: path)
        request.headerFields[.authorization] = "Bearer \(key.secret)"
        return try await session.bytes(for: request)
    }

    func makeProject(_ name: String) async throws -> String {
        let (response, project) = try await request(.post, "/v1/projects", ["project_name": .string(name)])
        guard let id = project["project_id"]?.stringValue else {
            throw DevSystem.Unexpected(status: response.status.code, answer: project)
        }
        return id
    }

    func submit(_ count: Int, to project: String) async throws -> (HTTPResponse, JSONValue) {
        let tasks = (0..<count).map { _ -> JSONValue in ["task_type": "chat", "input_data": ["prompt": "hello"]] }
        return try await request(.post, "/v1/projects/\(project)/tasks", .array(tasks))
    }
}
