public import FoundationEssentials

/// A row of `backup_metadata`.
public struct BackupRecord: Sendable, Hashable {
    public enum Status: String, Sendable {
        /// It is being made, or its maker was killed.
        case pending
        case completed
        case failed
        /// Its time was over, and its file is gone.
        case pruned
    }

    public var id: UUID
    public var type: String
    public var sourceDatabase: String
    /// The target and the file in it.
    public var path: String
    public var sizeBytes: Int64
    public var createdAt: Date
    public var status: Status
    public var checksum: String?
    /// Days.
    public var retentionPeriod: Int

    public init(
        id: UUID, type: String, sourceDatabase: String, path: String, sizeBytes: Int64 = 0, createdAt: Date, status: Status = .pending,
        checksum: String? = nil, retentionPeriod: Int
    ) {
        self.id = id
        self.type = type
        self.sourceDatabase = sourceDatabase
        self.path = path
        self.sizeBytes = sizeBytes
        self.createdAt = createdAt
        self.status = status
        self.checksum = checksum
        self.retentionPeriod = retentionPeriod
    }
}

/// What is done with a backup, as `backup_history` names it.
public enum BackupOperation: String, Sendable, CaseIterable {
    case create
    case verify
    case restore
    case prune
}
