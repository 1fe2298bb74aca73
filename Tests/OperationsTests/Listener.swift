import Glibc

@testable import Operations

/// Somebody who holds a port.
struct Listener {
    private let descriptor: Int32

    init?(port: Int) {
        guard let number = UInt16(exactly: port) else { return nil }
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        // Connections that linger in TIME_WAIT are no obstacle, as they are none to a server.
        var enabled: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &enabled, socklen_t(MemoryLayout<Int32>.size))
        guard LoopbackPort.withAddress(number, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1) == 0 else {
            Glibc.close(descriptor)
            return nil
        }
    }

    func close() { Glibc.close(descriptor) }
}
