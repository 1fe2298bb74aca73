import Glibc
import Operations

/// A socket of the loopback interface that listens and that nobody accepts on: what a service manager passes to a server.
public final class ListeningSocket: Sendable {
    public let port: Int
    public let descriptor: CInt

    public init() throws {
        port = try LoopbackPort.free()
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        // Connections that linger in TIME_WAIT are no obstacle, as they are none to a server.
        var enabled: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &enabled, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(truncatingIfNeeded: port).bigEndian)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard isBound == 0, listen(descriptor, 1_024) == 0 else { throw OperationsError(.portTaken, "cannot listen on \(port)") }
    }

    deinit { close(descriptor) }

    /// A descriptor of the same socket, for who closes it.
    public func duplicate() -> CInt { dup(descriptor) }
}
