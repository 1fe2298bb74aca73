import Domain
public import FoundationEssentials
public import Postgres
public import Store

/// Makes backups of a database, looks after them, and brings one back.
///
/// A backup is a file of `pg_dump`'s custom format and its manifest, which is written last: what was killed in between is no backup. Every
/// operation, also one that fails, leaves a line in `backup_history` where the database can be reached.
public struct BackupStore: Sendable {
    let target: BackupTarget
    /// What backups are made of.
    public let database: PostgresConfiguration
    let store: Store
    let release: String
    /// The identity file of `age` that backups are encrypted for, and read with; nil leaves new ones as they are.
    let keyFile: String?

    public init(target: BackupTarget, database: PostgresConfiguration, store: Store, release: String, keyFile: String? = nil) {
        self.target = target
        self.database = database
        self.store = store
        self.release = release
        self.keyFile = keyFile
    }

    /// One backup as a list shows it.
    public struct Entry: Sendable, Hashable {
        public enum State: String, Sendable {
            /// Its file is there, as long as the manifest says. Only `verify` looks inside.
            case good
            /// Its manifest is there, its file is not.
            case missing
            /// The file has another size than the manifest says.
            case damaged
            /// No manifest: it is being made now, or its maker was killed.
            case unfinished
            /// It could not be made.
            case failed
        }

        public var id: UUID
        public var state: State
        public var place: String
        public var sizeBytes: Int
        public var createdAt: Date
        public var retentionPeriod: Int
        public var checksum: String?
        public var isEncrypted: Bool
    }

    // MARK: Create

    /// Dumps the database into the target.
    ///
    /// - Parameter retention: days that it is kept.
    /// - Throws: `OperationsError` with the words of what failed; no file is left that looks like a backup.
    public func create(retention: Int) async throws -> BackupManifest {
        let id = UUID.v7()
        // Whole seconds, as the manifest keeps it: the table must not know another time of the same backup.
        let createdAt = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
        let encryption: BackupManifest.Encryption = keyFile == nil ? .none : .age
        let source = database.databaseName ?? "chorus"
        let name = BackupManifest.fileName(database: source, id: id, createdAt: createdAt, encryption: encryption)
        var record = BackupRecord(
            id: id, type: "full", sourceDatabase: String(source.prefix(50)), path: String(target.place(name).prefix(255)),
            createdAt: createdAt,
            retentionPeriod: retention)
        try await store.recordBackup(record)
        let line = try await store.beginBackupOperation(.create, of: id)
        do {
            let seal = try await target.store(name, from: [try dump()] + (try encrypt()))
            let manifest = BackupManifest(
                backupID: id, sourceDatabase: source, file: name, sizeBytes: seal.size, checksum: seal.checksum, createdAt: createdAt,
                encryption: encryption, retentionPeriod: retention, release: release)
            try await target.store(manifest.manifestFile, text: try manifest.text())
            record.sizeBytes = Int64(seal.size)
            record.checksum = seal.checksum
            record.status = .completed
            try await store.recordBackup(record)
            try await store.endBackupOperation(line, failure: nil)
            return manifest
        } catch {
            try? await store.setBackupStatus(.failed, of: id)
            try? await store.endBackupOperation(line, failure: "\(error)")
            throw error
        }
    }

    // MARK: List

    /// All backups that the target holds or the table knows of, newest first. Without the database, those of the target.
    public func list() async throws -> [Entry] {
        let files = try await target.files()
        var entries: [UUID: Entry] = [:]
        for manifest in try await manifests(files) {
            let size = files[manifest.file]
            entries[manifest.backupID] = Entry(
                id: manifest.backupID, state: size == nil ? .missing : size == manifest.sizeBytes ? .good : .damaged,
                place: target.place(manifest.file), sizeBytes: manifest.sizeBytes, createdAt: manifest.createdAt,
                retentionPeriod: manifest.retentionPeriod, checksum: manifest.checksum, isEncrypted: manifest.encryption != .none)
        }
        for record in (try? await store.backups()) ?? [] where entries[record.id] == nil && record.path.hasPrefix("\(target)/") {
            guard record.status != .pruned else { continue }
            let state: Entry.State = record.status == .failed ? .failed : record.status == .pending ? .unfinished : .missing
            entries[record.id] = Entry(
                id: record.id, state: state, place: record.path, sizeBytes: Int(record.sizeBytes), createdAt: record.createdAt,
                retentionPeriod: record.retentionPeriod, checksum: record.checksum, isEncrypted: record.path.hasSuffix(".age"))
        }
        // Ids rise with time: they order those of one second.
        return entries.values.sorted { ($0.createdAt, $0.id.text) > ($1.createdAt, $1.id.text) }
    }

    /// The manifest of a backup: by its id, the first characters of it, its file's name, or `latest`.
    public func manifest(_ text: String) async throws -> BackupManifest {
        let all = try await manifests(try await target.files())
        let found =
            text == "latest"
            ? Array(all.prefix(1))
            : all.filter {
                $0.file == text || $0.backupID.text == text.lowercased()
                    || ($0.backupID.text.hasPrefix(text.lowercased()) && text.count >= 8)
            }
        guard let manifest = found.first else {
            throw OperationsError(.backupDamaged, "there is no backup '\(text)' in \(target)")
        }
        guard found.count == 1 else { throw OperationsError(.backupDamaged, "'\(text)' means several backups in \(target)") }
        return manifest
    }

    /// Newest first. A manifest that cannot be read is nobody's: its backup does not show as good.
    func manifests(_ files: [String: Int]) async throws -> [BackupManifest] {
        var manifests: [BackupManifest] = []
        for name in files.keys.sorted() where name.hasSuffix(BackupManifest.suffix) {
            guard let manifest = try? BackupManifest(text: await target.text(name)), manifest.manifestFile == name else { continue }
            manifests.append(manifest)
        }
        return manifests.sorted { ($0.createdAt, $0.backupID.text) > ($1.createdAt, $1.backupID.text) }
    }

    // MARK: Tools

    private func dump() throws -> ToolPipeline.Tool {
        ToolPipeline.Tool(
            executable: try ServerProgram.postgres("pg_dump"), arguments: ["--format=custom", "--no-password"],
            environment: database.environment)
    }

    func restoreTool(into database: PostgresConfiguration) throws -> ToolPipeline.Tool {
        ToolPipeline.Tool(
            executable: try ServerProgram.postgres("pg_restore"),
            arguments: [
                "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", "--no-password",
                "--dbname=\(database.databaseName ?? "postgres")",
            ],
            environment: database.environment)
    }

    private func encrypt() throws -> [ToolPipeline.Tool] {
        guard let keyFile else { return [] }
        return [
            ToolPipeline.Tool(
                executable: try ServerProgram.tool("age", package: "age"), arguments: ["--encrypt", "--identity", keyFile])
        ]
    }

    func decrypt(_ manifest: BackupManifest) throws -> [ToolPipeline.Tool] {
        guard manifest.encryption == .age else { return [] }
        guard let keyFile else {
            throw OperationsError(.wrongState, "the backup \(manifest.backupID.text) is encrypted: its key file is needed (--key-file)")
        }
        return [
            ToolPipeline.Tool(
                executable: try ServerProgram.tool("age", package: "age"), arguments: ["--decrypt", "--identity", keyFile])
        ]
    }
}
