import Crypto
import FoundationEssentials

/// Where backups lie: a folder of this machine, or a remote of rclone (S3 and what else it speaks).
public enum BackupTarget: Sendable, CustomStringConvertible {
    /// An absolute path.
    case folder(String)
    /// `REMOTE:PATH`, as rclone names it; its own configuration knows the keys.
    case remote(String)

    /// `/var/backups/chorus`, or `rclone:REMOTE:PATH`.
    public init(_ text: String) throws {
        if text.hasPrefix("rclone:") {
            let remote = String(text.dropFirst("rclone:".count))
            guard remote.contains(":"), !remote.hasPrefix("-") else {
                throw OperationsError(.folderRefused, "a remote target is rclone:REMOTE:PATH, not '\(text)'")
            }
            self = .remote(remote)
        } else {
            guard text.hasPrefix("/") else { throw OperationsError(.folderRefused, "a backup's folder is an absolute path, not '\(text)'") }
            self = .folder(text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text)
        }
    }

    public var description: String {
        switch self {
        case .folder(let path): path
        case .remote(let remote): "rclone:\(remote)"
        }
    }

    /// Where a file of it lies.
    func place(_ name: String) -> String { "\(description)/\(name)" }
}

/// A file's size and digest, counted while it passes.
struct FileSeal {
    private var digest = SHA256()
    private(set) var size = 0

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        digest.update(bufferPointer: bytes)
        size += bytes.count
    }

    /// `sha256:` and hexadecimal digits.
    var checksum: String {
        "sha256:" + digest.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
