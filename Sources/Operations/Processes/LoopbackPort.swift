import Glibc
import Synchronization

/// Choosing TCP ports of the loopback interface.
public enum LoopbackPort {
    /// Below the range that Linux takes the ports of outgoing connections from (32768 and up), so that a port which is remembered is
    /// not lost to one of them.
    static let range = 20_000..<32_000

    /// Ports that this process has for a server, which may not listen yet, and the server's name where it comes back for it.
    private static let spokenFor = Mutex<[Int: String]>([:])

    /// A port that nobody listens on now, and that was given to nobody else in this process. Another process may take it before it is used:
    /// the user must cope with that.
    /// - Throws: `OperationsError` when two hundred random ports were all taken.
    public static func free() throws -> Int { try free(for: "") }

    static func free(for owner: String) throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: range)
            if isFree(port), reserve(port, for: owner) { return port }
        }
        throw OperationsError(.portTaken, "no free port found between \(range.lowerBound) and \(range.upperBound)")
    }

    /// From now on `free()` gives the port to nobody; false where it is another one's.
    static func reserve(_ port: Int, for owner: String) -> Bool {
        spokenFor.withLock { ports in
            // Nearly all of these servers have ended long ago.
            if ports.count > range.count / 2 { ports.removeAll() }
            guard let other = ports[port] else {
                ports[port] = owner
                return true
            }
            return other == owner && owner != ""
        }
    }

    /// Whether a server could listen on 127.0.0.1:`port` now.
    public static func isFree(_ port: Int) -> Bool {
        guard let number = UInt16(exactly: port), number > 0 else { return false }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // Connections that linger in TIME_WAIT are no obstacle to a server, which sets this option as well.
        var enabled: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &enabled, socklen_t(MemoryLayout<Int32>.size))
        return withAddress(number) { bind(descriptor, $0, $1) } == 0
    }

    /// Lends the socket address of 127.0.0.1:`port`.
    static func withAddress<R>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
