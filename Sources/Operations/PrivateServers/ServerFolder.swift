import FoundationEssentials
import Glibc

/// The folder of one private server: its data and what must be remembered from one start to the next.
struct ServerFolder: Sendable {
    let path: String
    /// Owner of everything in it; nil when that is the caller.
    let account: ServerAccount?

    /// Makes the folder if need be, private to its owner.
    /// - Throws: `OperationsError` when it cannot be made, belongs to somebody else, or the servers' account cannot reach it.
    init(path: String, account: ServerAccount?) throws {
        self.path = AbsolutePath.of(path)
        self.account = account
        if let account, let obstacle = AbsolutePath.firstObstacle(above: self.path, for: account) {
            throw OperationsError(
                .folderRefused,
                "servers run as the user '\(account.name)', who may not enter \(obstacle); choose a data folder elsewhere than \(self.path)"
            )
        }
        try makeDirectory(nil)
    }

    /// A folder that is there already and is the caller's business: only files in it are read and written.
    init(existing path: String) {
        self.path = path
        self.account = nil
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func exists(_ name: String) -> Bool { access(file(name), F_OK) == 0 }

    /// Makes the folder itself (nil) or one in it, mode 0700.
    func makeDirectory(_ name: String?) throws {
        let path = name.map(file) ?? path
        try FileManager.default.createDirectory(atPath: AbsolutePath.parent(of: path), withIntermediateDirectories: true)
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw OperationsError.system("cannot make \(path)") }
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
            status.st_uid == geteuid() || status.st_uid == account?.userID
        else { throw OperationsError(.folderRefused, "\(path) is not a folder of ours") }
        try own(path)
    }

    /// Writes a file at once (a reader sees the old or the new text), readable by the owner only.
    func write(_ text: String, to name: String) throws {
        try AtomicFile.write(text, to: file(name))
        try own(file(name))
    }

    /// Makes a symbolic link where nothing is.
    func link(_ name: String, to target: String) throws {
        guard symlink(target, file(name)) == 0 else { throw OperationsError.system("cannot make the link \(file(name))") }
    }

    /// The text of a file without surrounding blanks; nil when there is none.
    func read(_ name: String) -> String? {
        AtomicFile.read(file(name))?.trimmingCharacters(where: \.isWhitespace)
    }

    func remove(_ name: String) throws {
        guard exists(name) else { return }
        try FileManager.default.removeItem(atPath: file(name))
    }

    /// A password made once and remembered, of 128 random bits.
    func password() throws -> String {
        if let known = read("password"), !known.isEmpty { return known }
        let fresh = (0..<2).map { _ in String(UInt64.random(in: .min ... .max) | 1 << 63, radix: 16) }.joined()
        try write(fresh, to: "password")
        return fresh
    }

    private func own(_ path: String) throws {
        guard let account else { return }
        guard lchown(path, account.userID, account.groupID) == 0 else {
            throw OperationsError.system("cannot give \(path) to \(account.name)")
        }
    }
}

extension String {
    fileprivate func trimmingCharacters(where isBlank: (Character) -> Bool) -> String {
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(self[first...last])
    }
}
