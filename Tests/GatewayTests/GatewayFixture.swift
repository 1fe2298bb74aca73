import AMQP
import Domain
import HTTPTypes
import Logging
import NIOURLSession
import Postgres
import ServiceLifecycle
import Store
import TestSupport

@testable import Gateway

/// A gateway on a port of its own over a migrated database, with two accounts that have a key each.
struct GatewayFixture: Sendable {
    struct Answer: Sendable {
        var head: HTTPResponse
        var json: JSONValue
        var status: Int { head.status.code }
        /// What an error names.
        var pointers: [String] { json["errors"]?.arrayValue?.compactMap { $0["pointer"]?.stringValue } ?? [] }
    }

    let store: Store
    let database: PostgresClient
    let key: APIKey
    let strangersKey: APIKey
    let port: Int
    let accepted: Counter
    /// Statements that stored tasks.
    let batches: Counter
    let gateway: Gateway
    let configuration: GatewayConfiguration
    /// Begins the gateway's graceful shutdown.
    let stop: @Sendable () async -> Void
    /// Every route, such as `GET /v1/projects`.
    var routes: [String] { gateway.routes.map { "\($0.method.rawValue) \($0.path)" } }

    static func with(
        engines: [EngineRow] = [EngineRow(name: "local", type: "openai", definition: ["name": "local", "secret": "env:LOCAL_KEY"])],
        readiness: [ReadinessCheck] = [], intake: IntakeConfiguration? = nil,
        exchange: AMQPConfiguration? = nil, bodyLimit: Int = 1 << 20,
        configure: (inout GatewayConfiguration) -> Void = { _ in },
        accept: (@Sendable ([Submission]) async -> [Result<Acceptance, any Error>])? = nil,
        _ body: @Sendable @escaping (GatewayFixture) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let made = try await TestDatabase.make("gateway")
        let database = PostgresClient(configuration: try PostgresConfiguration(url: made.url), logger: logger)
        _ = try await Migrator(database).migrate()
        let store = Store(database)
        try await store.applyEngines(engines)
        let key = try await newKey("owner@example.org", store)
        let strangersKey = try await newKey("stranger@example.org", store)

        let accepted = Counter()
        let batches = Counter()
        let acceptances = GroupCommit<Submission, Acceptance> { submissions in
            for _ in submissions { accepted.add() }
            batches.add()
            return if let accept { await accept(submissions) } else { await store.accept(submissions) }
        }
        let (ports, port) = AsyncStream<Int>.makeStream()
        var configuration = GatewayConfiguration()
        configuration.port = 0
        configuration.bodyLimit = bodyLimit
        configuration.registration = .open
        configuration.loginsPerMinute = 0
        configuration.passwordCost = cost
        configure(&configuration)
        let gateway = Gateway(
            configuration: configuration, store: store, acceptances: acceptances, onWaiting: { accepted.add() }, onProjectCreated: {},
            intake: intake, exchange: exchange, readiness: readiness, metrics: { "" }, logger: logger, onListening: { port.yield($0) })
        let services = ServiceGroup(services: [acceptances, gateway], logger: logger)
        try await withThrowingTaskGroup { group in
            group.addTask { try await services.run() }
            group.addTask { [configuration] in
                var outcome: Result<Void, any Error> = .success(())
                for await port in ports {
                    let fixture = GatewayFixture(
                        store: store, database: database, key: key, strangersKey: strangersKey, port: port, accepted: accepted,
                        batches: batches, gateway: gateway, configuration: configuration,
                        stop: { await services.triggerGracefulShutdown() })
                    do { try await body(fixture) } catch { outcome = .failure(error) }
                    break
                }
                await services.triggerGracefulShutdown()
                try outcome.get()
            }
            try await group.waitForAll()
        }
        await database.close()
        try await made.drop()
    }

    private init(
        store: Store, database: PostgresClient, key: APIKey, strangersKey: APIKey, port: Int, accepted: Counter, batches: Counter,
        gateway: Gateway, configuration: GatewayConfiguration, stop: @escaping @Sendable () async -> Void
    ) {
        self.store = store
        self.database = database
        self.key = key
        self.strangersKey = strangersKey
        self.port = port
        self.accepted = accepted
        self.batches = batches
        self.gateway = gateway
        self.configuration = configuration
        self.stop = stop
    }

    /// The password of every account here.
    static let passwordText = "correct horse battery"
    /// Hashing is meant to be slow, and need not be here.
    static let cost = ScryptCost(logRounds: 4, blockSize: 8, parallelism: 1)
    static let password = Result { try PasswordHash(password: passwordText, cost: cost) }

    private static func newKey(_ email: String, _ store: Store) async throws -> APIKey {
        let userID = try await store.createAccount(email: email, password: try password.get(), fullName: nil)
        return try await store.createKey(userID: userID, name: "test").key
    }

    /// Sends a request; `key` nil takes the owner's, empty sends none.
    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, key: String? = nil, headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        let key = key ?? self.key.secret
        if !key.isEmpty { headers[.authorization] = "Bearer \(key)" }
        let request = HTTPRequest(method: method, scheme: "http", authority: "127.0.0.1:\(port)", path: path, headerFields: headers)
        let session = NIOURLSession(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            let (data, head) =
                if let body { try await session.upload(for: request, from: Array(body.utf8)) } else { try await session.data(for: request) }
            await session.shutdown()
            return Answer(head: head, json: data.isEmpty ? .null : try JSONValue(parsing: data))
        } catch {
            await session.shutdown()
            throw error
        }
    }

    /// A page that asks for no key.
    func text(_ path: String) async throws -> (status: Int, text: String) {
        let request = HTTPRequest(method: .get, scheme: "http", authority: "127.0.0.1:\(port)", path: path)
        let session = NIOURLSession(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            let (data, head) = try await session.data(for: request)
            await session.shutdown()
            return (head.status.code, String(decoding: data, as: UTF8.self))
        } catch {
            await session.shutdown()
            throw error
        }
    }

    func makeProject(_ name: String = "First") async throws -> String {
        try await send(.post, "/v1/projects", "{\"project_name\":\"\(name)\"}").json["project_id"]?.stringValue ?? ""
    }

    /// A session's token.
    func logIn(_ email: String = "owner@example.org", password: String = passwordText) async throws -> String {
        let answer = try await send(.post, "/v1/sessions", #"{"email":"\#(email)","password":"\#(password)"}"#, key: "")
        return answer.json["token"]?.stringValue ?? "\(answer.status)"
    }

    func countTasks() async throws -> Int {
        try await database.query("SELECT count(*) FROM tasks") { try $0.decode(Int.self) }.first ?? -1
    }
}
