import Domain
public import FoundationEssentials
import Postgres

/// The Backup Store: `backup_metadata` says which backups there are, `backup_history` what was done with each, also what failed.
extension Store {
    /// Puts a backup into the table, or makes its row say what the file says: a restored database holds the row as it was when the
    /// snapshot was taken. Index: the primary key.
    public func recordBackup(_ backup: BackupRecord) async throws {
        _ = try await database.execute(
            """
            INSERT INTO backup_metadata
                (backup_id, backup_type, source_database, backup_path, size_bytes, created_at, status, checksum, retention_period)
            VALUES (\(backup.id), \(backup.type), \(backup.sourceDatabase), \(backup.path), \(backup.sizeBytes), \(backup.createdAt),
                \(backup.status.rawValue), \(backup.checksum), \(Int32(backup.retentionPeriod)))
            ON CONFLICT (backup_id) DO UPDATE
            SET size_bytes = excluded.size_bytes, status = excluded.status, checksum = excluded.checksum
            """)
    }

    /// Index: the primary key.
    public func setBackupStatus(_ status: BackupRecord.Status, of id: UUID) async throws {
        _ = try await database.execute("UPDATE backup_metadata SET status = \(status.rawValue) WHERE backup_id = \(id)")
    }

    /// Opens a line of a backup's history; `endBackupOperation` closes it. One that stays open was killed.
    public func beginBackupOperation(_ operation: BackupOperation, of id: UUID) async throws -> UUID {
        let line = UUID.v7()
        _ = try await database.execute(
            """
            INSERT INTO backup_history (history_id, backup_id, operation_type, status)
            VALUES (\(line), \(id), \(operation.rawValue), 'running')
            """)
        return line
    }

    /// - Parameter failure: why it failed, at most 2,000 characters of it; nil where it did not.
    public func endBackupOperation(_ line: UUID, failure: String?) async throws {
        _ = try await database.execute(
            """
            UPDATE backup_history
            SET status = \(failure == nil ? "completed" : "failed"), completed_at = now(), error_message = \(failure.map { String($0.prefix(2_000)) })
            WHERE history_id = \(line)
            """)
    }

    /// The newest backups of the table. Index: `idx_backup_metadata_created_at`.
    public func backups(limit: Int = 1_000) async throws -> [BackupRecord] {
        try await database.query(
            """
            SELECT backup_id, backup_type, source_database, backup_path, size_bytes, created_at, status, checksum, retention_period
            FROM backup_metadata ORDER BY created_at DESC LIMIT \(limit)
            """
        ) { row in
            var columns = row.columns
            return BackupRecord(
                id: try columns.next(), type: try columns.next(), sourceDatabase: try columns.next(), path: try columns.next(),
                sizeBytes: try columns.next(), createdAt: try columns.next(),
                status: try columns.nextCase(), checksum: try columns.next(),
                retentionPeriod: Int(try columns.next(as: Int32?.self) ?? 0))
        }
    }
}
