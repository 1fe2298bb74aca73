import FoundationEssentials
import Operations

/// A database of the shared server for one suite or test alone.
public struct TestDatabase: Sendable {
    public let name: String
    /// Where to connect, with user and password.
    public let url: String
    private let serverURL: String

    private init(name: String, url: String, serverURL: String) {
        self.name = name
        self.url = url
        self.serverURL = serverURL
    }

    /// A database that is there already.
    public init(at url: String) {
        self.init(name: String(url.split(separator: "/").last ?? ""), url: url, serverURL: url)
    }

    /// Creates an empty database.
    public static func make(_ prefix: String = "test") async throws -> TestDatabase {
        let serverURL = try await TestServers.postgres
        let name = "\(prefix)_\(UInt64.random(in: 0 ... .max))"
        guard var parts = URLComponents(string: serverURL) else {
            throw OperationsError(.wrongState, "the database URL of the tests is not a URL")
        }
        parts.path = "/\(name)"
        guard let url = parts.string else { throw OperationsError(.wrongState, "'\(name)' does not fit into a URL") }
        let database = TestDatabase(name: name, url: url, serverURL: serverURL)
        try await database.onServer("CREATE DATABASE \"\(name)\"")
        return database
    }

    /// Drops it, cutting off whoever is connected. Needed only where space counts: a server of the tests takes its databases along.
    public func drop() async throws {
        try await onServer("DROP DATABASE IF EXISTS \"\(name)\" WITH (FORCE)")
    }

    private func onServer(_ statement: String) async throws {
        try await Self.execute(statement, at: serverURL)
    }

    /// Runs one statement through `psql`, for tests of modules that have no client of their own.
    public func execute(_ statement: String) async throws {
        try await Self.execute(statement, at: url)
    }

    private static func execute(_ statement: String, at url: String) async throws {
        let log = try await TestFolder.fresh("psql")
        try await ChildProcess.run(
            ProcessCommand(
                executable: try ServerProgram.postgres("psql"),
                arguments: ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", statement, "--dbname", url],
                environment: ["PATH": "/usr/bin:/bin"], logPath: "\(log)/output"),
            within: .seconds(60))
    }
}
