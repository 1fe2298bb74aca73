import Synchronization

/// Where the server is and how long each kind of wait may take.
///
/// The URL is secret, as it may hold a password: neither description nor reflection shows it. Copies share what they learn of its hosts.
public struct PostgresConfiguration: Sendable {
    /// `postgresql://user:password@host:port/database?sslmode=…`, several hosts separated by commas (libpq manual, "Connection
    /// URIs"). What it says goes before the fields below. Of several hosts the one that takes writes is looked for, unless
    /// `target_session_attrs` says otherwise.
    public let url: String

    /// Which of the URL's hosts took a session last.
    let lastHost = LastHost()

    /// Shown in `pg_stat_activity`.
    public var applicationName = "swift-postgres"

    /// For each host of the URL: connecting, TLS and log-in together. Looking up a host's name can take longer.
    public var connectTimeout: Duration = .seconds(5)

    /// The longest time of one statement or pipeline. The server gets it as `statement_timeout`.
    public var statementTimeout: Duration = .seconds(30)

    /// So long after the statement's time the client gives up and closes the connection, should the server not answer at all.
    public var answerGrace: Duration = .milliseconds(500)

    /// How long a transaction may wait for its next statement: the server ends the connection then, so that a process that stands still
    /// does not hold others up with its locks. The server gets it as `idle_in_transaction_session_timeout`.
    public var idleTransactionTimeout: Duration = .seconds(60)

    public var planning = PostgresPlanning.automatic

    /// The most connections of a `PostgresClient`, each with a thread of its own.
    public var poolSize = 8

    /// How long a caller waits for a free connection.
    public var poolWaitTimeout: Duration = .seconds(10)

    /// How many callers may wait; the next one fails at once.
    public var maxWaiters = 10_000

    /// How long `PostgresClient.close()` waits for connections in use.
    public var drainTimeout: Duration = .seconds(10)

    /// The idle time after which TCP asks whether the peer still lives; nil leaves it to the system.
    public var keepalivesIdle: Duration? = .seconds(30)

    /// How long sent data may stay unacknowledged before TCP gives the connection up.
    public var tcpUserTimeout: Duration = .seconds(10)

    /// Prepared statements a connection keeps; the least recently used one goes first.
    public var statementCacheSize = 256

    /// Throws `.invalidConfiguration` for anything but a URL that libpq can parse.
    public init(url: String) throws(PostgresError) {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://"), !url.holdsNUL else {
            throw PostgresError(.invalidConfiguration, "a database URL begins with postgresql:// or postgres://")
        }
        self.url = url
        _ = try ConnectionOptions(url: url)
    }
}

extension PostgresConfiguration {
    /// The URL as environment variables for a program that uses libpq, so that no password stands in its command line (libpq manual,
    /// "Environment Variables").
    public var environment: [String: String] { (try? ConnectionOptions(url: url).environment) ?? [:] }

    /// The database's name, where the URL gives one.
    public var databaseName: String? { (try? ConnectionOptions(url: url))?["dbname"] }

    /// The same server, another database.
    public func connecting(to database: String) throws(PostgresError) -> PostgresConfiguration {
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789_".utf8)
        guard !database.isEmpty, database.utf8.allSatisfy(allowed.contains) else {
            throw PostgresError(.invalidConfiguration, "a database's name of small letters, digits and underscores is needed")
        }
        // The last value counts, also over the path's (libpq manual, "Connection URIs").
        var copy = try PostgresConfiguration(url: "\(url)\(url.contains("?") ? "&" : "?")dbname=\(database)")
        copy.applicationName = applicationName
        copy.poolSize = poolSize
        return copy
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomReflectable {
    public var description: String {
        guard let options = try? ConnectionOptions(url: url) else { return "PostgresConfiguration" }
        let targets = options.targets.map { "\($0.host ?? $0.address ?? "local"):\($0.port ?? "default")" }
        return "PostgresConfiguration(\(targets.joined(separator: ",")), database \(options["dbname"] ?? "default"))"
    }

    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

/// Remembers a host among several, so that one that vanished without a word costs its time once, and not each connection.
final class LastHost: Sendable {
    let index = Atomic(0)
}
