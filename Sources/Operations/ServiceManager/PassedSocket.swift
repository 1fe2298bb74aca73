import FoundationEssentials
import Glibc

/// A listening socket that the service manager opened and passed on, so that no connection is refused while the service starts anew
/// (systemd, sd_listen_fds(3)).
public struct PassedSocket: Sendable {
    /// The first descriptor that is passed (`SD_LISTEN_FDS_START`).
    private static let first: CInt = 3

    public let descriptor: CInt

    /// nil where none was passed to this process.
    /// - Throws: ``OperationsError`` where there is more than one, or it is no listening stream socket.
    public init?() throws { try self.init(environment: ProcessInfo.processInfo.environment, processID: getpid()) }

    init?(environment: [String: String], processID: Int32) throws {
        guard let count = environment["LISTEN_FDS"].flatMap(Int.init), count > 0,
            environment["LISTEN_PID"].flatMap(Int32.init) == processID
        else { return nil }
        guard count == 1 else {
            throw OperationsError(.wrongState, "the service manager passed \(count) sockets; a gateway takes one")
        }
        guard Self.option(SO_ACCEPTCONN) == 1, Self.option(SO_TYPE) == CInt(SOCK_STREAM.rawValue) else {
            throw OperationsError(.wrongState, "the socket that the service manager passed is none that listens for connections")
        }
        // Children have no business with it.
        _ = fcntl(Self.first, F_SETFD, FD_CLOEXEC)
        descriptor = Self.first
    }

    private static func option(_ name: CInt) -> CInt? {
        var value: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(first, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }
}
