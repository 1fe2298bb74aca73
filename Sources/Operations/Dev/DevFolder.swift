import FoundationEssentials
import Glibc

/// The folder of a development environment, locked for as long as this object lives.
final class DevFolder: Sendable {
    /// Everything that a development environment makes in its folder. A reset deletes these and nothing else.
    private static let contents = [
        "postgres", "rabbitmq", "log", "workers", "dev.env", "dev.env.last", "servers-folder", "gateway.port", "engine.port",
    ]
    private static let marker = "chorus-dev"

    let path: String
    private let lock: Int32

    /// Makes the folder if need be and locks it.
    ///
    /// - Parameter reset: delete what an earlier run made here. Only a folder that carries the mark of such a run
    ///   is touched; in an empty one there is nothing to reset.
    /// - Throws: `OperationsError` when another environment runs here, or the folder must not be reset.
    init(path: String, reset: Bool) throws {
        self.path = path
        // Passable, as the servers below may run under another account; what matters inside has stricter bits.
        try FileManager.default.createDirectory(atPath: AbsolutePath.parent(of: path), withIntermediateDirectories: true)
        let isNew = mkdir(path, 0o711) == 0
        guard isNew || errno == EEXIST else { throw OperationsError.system("cannot make \(path)") }
        let isMarked = access("\(path)/\(Self.marker)", F_OK) == 0
        let isEmpty = try FileManager.default.contentsOfDirectory(atPath: path).isEmpty
        if reset && !isEmpty && !isMarked {
            throw OperationsError(.folderRefused, "\(path) was not made by chorus dev (it has no file '\(Self.marker)'): it is not reset")
        }
        lock = try Self.lock("\(path)/lock")
        try AtomicFile.write("This folder belongs to chorus dev; --reset deletes its data.", to: "\(path)/\(Self.marker)")
        if reset { try wipe() }
        guard mkdir("\(path)/log", 0o700) == 0 || errno == EEXIST else { throw OperationsError.system("cannot make \(path)/log") }
    }

    deinit {
        close(lock)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// The folder for the servers' data: this one, or one under `/var/tmp` where the servers' account cannot get here (below
    /// `/root`, for instance). Once chosen it stays.
    func serversFolder(for account: ServerAccount?) throws -> String {
        if let known = AtomicFile.read(file("servers-folder")) { return known.split(separator: "\n").first.map(String.init) ?? path }
        var folder = path
        if let account, AbsolutePath.firstObstacle(above: file("postgres"), for: account) != nil {
            folder = "/var/tmp/chorus-\(geteuid())-\(Self.digest(path))"
            guard mkdir(folder, 0o711) == 0 || errno == EEXIST else { throw OperationsError.system("cannot make \(folder)") }
            try Self.demandOwnership(folder)
        }
        try AtomicFile.write(folder, to: file("servers-folder"))
        return folder
    }

    /// The variables that the last run published, taken away from where scripts look: while this run is not ready, there is no file.
    func takeLastEnvironment() -> [String: String] {
        let last = file("dev.env.last")
        _ = rename(file("dev.env"), last)
        return AtomicFile.read(last).map { DevEnvironmentFile.parse($0) } ?? [:]
    }

    /// A port remembered under `name`, as `ServerFolder` does it.
    func port(_ name: String, wanted: Int?) async throws -> Int {
        try await ServerFolder(existing: path).port(name, wanted: wanted)
    }

    private func wipe() throws {
        let servers = AtomicFile.read(file("servers-folder"))?.split(separator: "\n").first.map(String.init)
        if let servers, servers != path {
            try Self.demandOwnership(servers)
            try FileManager.default.removeItem(atPath: servers)
        }
        for name in Self.contents where access(file(name), F_OK) == 0 {
            try FileManager.default.removeItem(atPath: file(name))
        }
    }

    /// The kernel lets go of the lock when this process ends, however it ends.
    private static func lock(_ path: String) throws -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw OperationsError.system("cannot open \(path)") }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
        close(descriptor)
        throw OperationsError(
            .folderInUse, "another chorus dev runs in \(AbsolutePath.parent(of: path)); stop it or choose another --data-dir")
    }

    /// In a folder that everybody may write to, a name can have been taken by somebody else.
    private static func demandOwnership(_ folder: String) throws {
        var status = stat()
        guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw OperationsError(.folderRefused, "\(folder) is not a folder of ours")
        }
    }

    /// FNV-1a, 64 bits: a short name for a path, the same on every run.
    private static func digest(_ text: String) -> String {
        let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
