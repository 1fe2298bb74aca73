import Glibc

/// The system account that servers run under when the caller is root.
///
/// PostgreSQL refuses to run as root, and nothing that listens should.
public struct ServerAccount: Sendable, Equatable {
    public let name: String
    public let userID: UInt32
    public let groupID: UInt32

    /// Accounts in order of preference: those of the servers' own packages, then the one every system has.
    static let candidates = ["postgres", "rabbitmq", "nobody"]

    /// The account to drop to, or nil when the caller is not root and servers run as it does.
    /// - Throws: `OperationsError` when the caller is root and no candidate exists.
    public static func forServers() throws -> ServerAccount? {
        guard geteuid() == 0 else { return nil }
        for name in candidates {
            if let account = ServerAccount(named: name) { return account }
        }
        throw OperationsError(.system, "no unprivileged account to run servers under: none of \(candidates.joined(separator: ", ")) exists")
    }

    /// Looks an account up in the system's user database; nil when there is none of that name.
    public init?(named name: String) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4_096)
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil, entry.pw_uid != 0 else { return nil }
        self.name = name
        self.userID = entry.pw_uid
        self.groupID = entry.pw_gid
    }

    /// Whether this account may pass through a folder with these owners and permission bits.
    func canTraverse(mode: UInt32, userID owner: UInt32, groupID group: UInt32) -> Bool {
        if owner == userID { return mode & 0o100 != 0 }
        if group == groupID { return mode & 0o010 != 0 }
        return mode & 0o001 != 0
    }
}
