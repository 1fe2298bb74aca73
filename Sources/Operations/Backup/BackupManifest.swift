import Domain
public import FoundationEssentials

/// What is known of a backup, beside its file: `NAME.json`, written last. A backup without one is none: it was never finished.
///
/// It holds all that a restore needs to know when the database, and with it the Backup Store's tables, is gone.
public struct BackupManifest: Codable, Sendable, Hashable {
    public enum Encryption: String, Codable, Sendable {
        case none
        /// `age`, for the key of an identity file (age-encryption.org/v1).
        case age
    }

    public var backupID: UUID
    /// `full`: the whole database, as pg_dump's custom format.
    public var backupType: String
    public var sourceDatabase: String
    /// The file's name in the target.
    public var file: String
    /// Of the file, as it lies there.
    public var sizeBytes: Int
    /// `sha256:` and the digest of the file in hexadecimal digits, as it lies there.
    public var checksum: String
    /// When its snapshot was taken, or a moment before.
    public var createdAt: Date
    public var encryption: Encryption
    /// Days that it is kept.
    public var retentionPeriod: Int
    /// The release of Chorus that made it.
    public var release: String

    enum CodingKeys: String, CodingKey {
        case backupID = "backup_id"
        case backupType = "backup_type"
        case sourceDatabase = "source_database"
        case file
        case sizeBytes = "size_bytes"
        case checksum
        case createdAt = "created_at"
        case encryption
        case retentionPeriod = "retention_period"
        case release
    }

    public var expiresAt: Date { createdAt.addingTimeInterval(TimeInterval(retentionPeriod) * 86_400) }

    /// The manifest's own name in the target.
    var manifestFile: String { file + Self.suffix }
    static let suffix = ".json"

    init(text: String) throws {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        self = try decoder.decode(Self.self, from: Data(text.utf8))
        guard !file.contains("/"), sizeBytes >= 0, (0...36_500).contains(retentionPeriod) else {
            throw OperationsError(.backupDamaged, "a manifest with a name, size or retention period that cannot be")
        }
    }

    /// On one line.
    public var json: String {
        get throws { try text().split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }.joined() }
    }

    func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    init(
        backupID: UUID, sourceDatabase: String, file: String, sizeBytes: Int, checksum: String, createdAt: Date, encryption: Encryption,
        retentionPeriod: Int, release: String
    ) {
        self.backupID = backupID
        backupType = "full"
        self.sourceDatabase = sourceDatabase
        self.file = file
        self.sizeBytes = sizeBytes
        self.checksum = checksum
        self.createdAt = createdAt
        self.encryption = encryption
        self.retentionPeriod = retentionPeriod
        self.release = release
    }

    /// `chorus-20260131T120007Z-0198f2a1.dump`, with `.age` where it is encrypted: sorts by time.
    static func fileName(database: String, id: UUID, createdAt: Date, encryption: Encryption) -> String {
        let time = createdAt.formatted(Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted))
        let plain = String(database.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }.prefix(40))
        return "\(plain)-\(time)-\(id.text.suffix(12)).dump\(encryption == .age ? ".age" : "")"
    }
}
