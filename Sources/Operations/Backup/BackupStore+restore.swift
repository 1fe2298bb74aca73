import Domain
public import FoundationEssentials
import Logging
public import Postgres
import Store

extension BackupStore {
    /// What may lie between two steps that belong together in the restored database: its workers have been gone since the snapshot.
    private static func grace(_ manifest: BackupManifest) -> Duration {
        .seconds(max(0, Date().timeIntervalSince(manifest.createdAt)) + 3_600)
    }

    // MARK: Verify

    /// Reads the file to its end, restores it into a database of its own beside the source, looks whether the laws hold there, and drops it.
    ///
    /// - Parameter isQuick: the file alone, against its digest.
    /// - Returns: what `chorus verify` says of the restored database; nil where it was not asked.
    /// - Throws: `OperationsError` where the file is not what its manifest says, or cannot be restored.
    public func verify(_ manifest: BackupManifest, isQuick: Bool = false) async throws -> VerificationReport? {
        try await recorded(.verify, manifest) {
            try await checkSeal(manifest)
            if isQuick { return nil }
            let name = "chorus_verify_\(UUID.v7().text.filter { $0 != "-" }.suffix(12))"
            try await administer("CREATE DATABASE \(name) TEMPLATE template0")
            do {
                let scratch = try database.connecting(to: name)
                try await bringIn(manifest, into: scratch)
                let report = try await laws(of: scratch, grace: Self.grace(manifest))
                try await administer("DROP DATABASE \(name) WITH (FORCE)")
                return report
            } catch {
                try? await administer("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
                throw error
            }
        }
    }

    /// - Throws: `OperationsError` `.backupDamaged` with what differs.
    func checkSeal(_ manifest: BackupManifest) async throws {
        var seal = FileSeal()
        try await target.read(manifest.file) { seal.add($0) }
        guard seal.size == manifest.sizeBytes else {
            throw OperationsError(
                .backupDamaged, "\(target.place(manifest.file)) has \(seal.size) bytes, its manifest says \(manifest.sizeBytes)")
        }
        guard seal.checksum == manifest.checksum else {
            throw OperationsError(
                .backupDamaged,
                "\(target.place(manifest.file)) is not what was written: \(seal.checksum), its manifest says \(manifest.checksum)")
        }
    }

    // MARK: Restore

    /// Brings a backup into an empty database, in one transaction.
    ///
    /// Tasks that were under way when the snapshot was taken run again, as after any crash.
    ///
    /// - Parameter destination: a database without tables.
    /// - Throws: `OperationsError` where the file is damaged (nothing was touched then), or the database holds something.
    public func restore(_ manifest: BackupManifest, into destination: PostgresConfiguration) async throws {
        let client = PostgresClient(configuration: destination, logger: Self.quiet)
        do {
            try await checkSeal(manifest)
            let isEmpty = try await client.query(
                "SELECT count(*) = 0 FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ) { row in
                var columns = row.columns
                return try columns.next(as: Bool.self)
            }
            guard isEmpty == [true] else {
                throw OperationsError(
                    .wrongState,
                    "the database '\(destination.databaseName ?? "")' is not empty: restore into a new one (createdb), or drop it first")
            }
            try await bringIn(manifest, into: destination)
            // The snapshot holds the backup's own row as it was then.
            let restored = Store(client)
            try await restored.recordBackup(record(of: manifest))
            let line = try await restored.beginBackupOperation(.restore, of: manifest.backupID)
            try await restored.endBackupOperation(line, failure: nil)
        } catch {
            await client.close()
            // The destination has no history to write to: the source's, where there is one.
            try? await note(.restore, manifest, failure: error)
            throw error
        }
        await client.close()
    }

    // MARK: Prune

    /// Removes backups whose time is over, and what killed ones left; the newest `keeping` good ones stay, however old they are.
    ///
    /// - Parameter isTrial: says what would go, and removes nothing.
    /// - Returns: the places of what went.
    public func prune(keeping: Int, isTrial: Bool = false, now: Date = Date()) async throws -> [String] {
        var removed: [String] = []
        let files = try await target.files()
        let good = try await manifests(files).filter { files[$0.file] == $0.sizeBytes }
        for manifest in good.dropFirst(max(keeping, 1)) where manifest.expiresAt < now {
            removed.append(target.place(manifest.file))
            if isTrial { continue }
            try await recorded(.prune, manifest) {
                // The manifest first: a file without one is no backup.
                try await target.remove(manifest.manifestFile)
                try await target.remove(manifest.file)
            }
            try? await store.setBackupStatus(.pruned, of: manifest.backupID)
        }
        if !isTrial { removed += try await target.removeDrafts(now: now).map(target.place) }
        return removed
    }

    // MARK: Parts

    private func bringIn(_ manifest: BackupManifest, into database: PostgresConfiguration) async throws {
        let source = try target.source(manifest.file)
        let pipeline = ToolPipeline(
            tools: source.tools + (try decrypt(manifest)) + [try restoreTool(into: database)],
            input: source.path.map(ToolPipeline.Input.path) ?? .none)
        try await pipeline.run()
    }

    private func laws(of scratch: PostgresConfiguration, grace: Duration) async throws -> VerificationReport {
        let client = PostgresClient(configuration: scratch, logger: Self.quiet)
        do {
            let report = try await Verification(store: Store(client), partitioning: .standard, grace: grace, depths: nil).run()
            await client.close()
            return report
        } catch {
            await client.close()
            throw error
        }
    }

    private func administer(_ statement: String) async throws {
        _ = try await store.database.execute(PostgresQuery(unescaped: statement))
    }

    private func record(of manifest: BackupManifest) -> BackupRecord {
        BackupRecord(
            id: manifest.backupID, type: manifest.backupType, sourceDatabase: String(manifest.sourceDatabase.prefix(50)),
            path: String(target.place(manifest.file).prefix(255)), sizeBytes: Int64(manifest.sizeBytes), createdAt: manifest.createdAt,
            status: .completed, checksum: manifest.checksum, retentionPeriod: manifest.retentionPeriod)
    }

    /// A line in the history around `body`, where the database answers: a check of a backup must not need the database it is of.
    private func recorded<Value: Sendable>(
        _ operation: BackupOperation, _ manifest: BackupManifest, _ body: () async throws -> Value
    ) async throws -> Value {
        do {
            let value = try await body()
            try? await note(operation, manifest, failure: nil)
            return value
        } catch {
            try? await note(operation, manifest, failure: error)
            throw error
        }
    }

    private func note(_ operation: BackupOperation, _ manifest: BackupManifest, failure: (any Error)?) async throws {
        try await store.recordBackup(record(of: manifest))
        let line = try await store.beginBackupOperation(operation, of: manifest.backupID)
        try await store.endBackupOperation(line, failure: failure.map { "\($0)" })
    }

    private static let quiet = Logger(label: "chorus.backup", factory: { _ in SwiftLogNoOpLogHandler() })
}
