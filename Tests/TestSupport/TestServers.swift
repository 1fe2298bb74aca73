import FoundationEssentials
public import Operations

/// The real servers that the suites of one test process share. Each is started when the first test asks for it and dies with the process.
///
/// `CHORUS_TEST_DATABASE_URL` and `CHORUS_TEST_AMQP_URL` name servers to use instead. A test that stops, kills or wipes a server takes one
/// of its own: `privatePostgres()`, `privateRabbitMQ()`.
public enum TestServers {
    private static let sharedPostgres = Task {
        try await url(from: "CHORUS_TEST_DATABASE_URL") { try await privatePostgres() }
    }
    private static let sharedRabbitMQ = Task {
        try await url(from: "CHORUS_TEST_AMQP_URL") { try await privateRabbitMQ() }
    }

    /// URL of the shared PostgreSQL, with a user who may create databases. Suites take a database of their own from `TestDatabase.make()`.
    public static var postgres: String { get async throws { try await sharedPostgres.value } }

    /// URL of the shared RabbitMQ. Suites keep apart by the names of their queues and exchanges.
    public static var rabbitMQ: String { get async throws { try await sharedRabbitMQ.value } }

    /// A PostgreSQL for one test alone, not yet started.
    public static func privatePostgres() async throws -> PrivatePostgres {
        PrivatePostgres(dataDirectory: try await TestFolder.fresh("postgres"))
    }

    /// A RabbitMQ for one test alone, not yet started.
    public static func privateRabbitMQ(management: Bool = false) async throws -> PrivateRabbitMQ {
        PrivateRabbitMQ(dataDirectory: try await TestFolder.fresh("rabbitmq"), management: management)
    }

    private static func url(from variable: String, orOf server: () async throws -> any PrivateServer) async throws -> String {
        if let given = ProcessInfo.processInfo.environment[variable], !given.isEmpty { return given }
        return try await server().start()
    }
}
