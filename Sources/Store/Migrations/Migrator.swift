import Domain
public import FoundationEssentials
public import Postgres

/// Brings a database to this release's schema. Many hosts may do so at once: an advisory lock lets one of them work.
public struct Migrator: Sendable {
    /// What is known of one step.
    public struct Status: Sendable, Hashable {
        public var version: Int
        public var name: String
        /// nil where it has still to be applied.
        public var appliedAt: Date?
    }

    public enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// The database lacks these steps.
        case outdated(missing: [Int])
        /// A newer release has been here.
        case newer(found: Int, known: Int)
        /// A step was applied with another text than the one compiled in.
        case changed(version: Int)

        public var description: String {
            switch self {
            case .outdated(let missing):
                "the database lacks migration\(missing.count == 1 ? "" : "s") \(missing.map(String.init).joined(separator: ", ")): run 'chorus migrate'"
            case .newer(let found, let known):
                "the database is at schema version \(found), this release knows \(known): run a newer release"
            case .changed(let version):
                "migration \(version) was applied to the database with another text: this database belongs to another build"
            }
        }
    }

    /// "chorus" in ASCII: the key of the advisory lock under which migrations run.
    static let lockKey: Int64 = 0x6368_6f72_7573

    private let database: PostgresClient
    private let migrations: [Migration]

    public init(_ database: PostgresClient, migrations: [Migration] = Migration.all) {
        self.database = database
        self.migrations = migrations
    }

    /// Applies what is missing, each step in a transaction of its own, and says what it applied.
    ///
    /// - Throws: `Failure.newer` or `.changed` where this release does not fit the database; nothing was done then.
    public func migrate() async throws -> [Migration] {
        try await database.withConnection { connection in
            try connection.execute("SELECT pg_advisory_lock(\(Self.lockKey))")
            do {
                let applied = try self.applyMissing(on: connection)
                try connection.execute("SELECT pg_advisory_unlock(\(Self.lockKey))")
                return applied
            } catch {
                _ = try? connection.execute("SELECT pg_advisory_unlock(\(Self.lockKey))")
                throw error
            }
        }
    }

    /// Every known step, with the time it was applied.
    public func status() async throws -> [Status] {
        try await database.withConnection { connection in
            let applied = try self.applied(on: connection)
            return self.migrations.map { migration in
                Status(version: migration.version, name: migration.name, appliedAt: applied[migration.version]?.appliedAt)
            }
        }
    }

    /// Throws where the schema is not exactly this release's: a process that meets one says so and stops.
    public func check() async throws {
        try await database.withConnection { connection in
            let applied = try self.applied(on: connection)
            try self.checkFit(applied)
            let missing = self.migrations.map(\.version).filter { applied[$0] == nil }
            guard missing.isEmpty else { throw Failure.outdated(missing: missing) }
        }
    }

    private func applyMissing(on connection: isolated PostgresConnection) throws -> [Migration] {
        let applied = try applied(on: connection)
        try checkFit(applied)
        let missing = migrations.filter { applied[$0.version] == nil }
        try connection.script(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version INTEGER PRIMARY KEY,
                name VARCHAR(255) NOT NULL,
                checksum VARCHAR(64) NOT NULL,
                applied_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP
            )
            """)
        for migration in missing {
            // The simple protocol runs several statements as one transaction.
            try connection.script(
                """
                BEGIN;
                \(migration.text)
                INSERT INTO schema_migrations (version, name, checksum)
                VALUES (\(migration.version), '\(migration.name)', '\(migration.checksum)');
                COMMIT;
                """)
        }
        return missing
    }

    private func checkFit(_ applied: [Int: Applied]) throws {
        let known = migrations.last?.version ?? 0
        if let found = applied.keys.max(), found > known { throw Failure.newer(found: found, known: known) }
        for migration in migrations {
            if let checksum = applied[migration.version]?.checksum, checksum != migration.checksum {
                throw Failure.changed(version: migration.version)
            }
        }
    }

    private struct Applied {
        var checksum: String
        var appliedAt: Date
    }

    private func applied(on connection: isolated PostgresConnection) throws -> [Int: Applied] {
        let exists = try connection.query("SELECT to_regclass('schema_migrations') IS NOT NULL").map { try $0.decode(Bool.self) }
        guard exists.first == true else { return [:] }
        let rows = try connection.query("SELECT version, checksum, applied_at FROM schema_migrations").map {
            try $0.decode(Int.self, String.self, Date.self)
        }
        return rows.reduce(into: [:]) { applied, row in applied[row.0] = Applied(checksum: row.1, appliedAt: row.2) }
    }
}
