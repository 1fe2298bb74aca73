import FoundationEssentials
import Glibc

/// Paths of folders, seen from another account.
enum AbsolutePath {
    /// `path` from the root: what a server in another working folder needs.
    static func of(_ path: String) -> String {
        let absolute = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
        var parts: [Substring] = []
        for part in absolute.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    static func parent(of path: String) -> String {
        "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    }

    static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }

    /// The first folder above `path` that `account` may not pass through, from the root down; folders that do not exist are no obstacle,
    /// they are made with passable bits. Access control lists are not looked at.
    static func firstObstacle(above path: String, for account: ServerAccount) -> String? {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/\(part)"
            var status = stat()
            guard stat(folder, &status) == 0 else { return nil }
            if !account.canTraverse(mode: status.st_mode, userID: status.st_uid, groupID: status.st_gid) { return folder }
        }
        return nil
    }
}
