import Glibc
import SocketExecutor

/// Stands between a client and the broker, and cuts, freezes or refuses connections when a test says so.
actor TCPProxy {
    private nonisolated let executor = SocketExecutor(name: "proxy")
    private let target: UInt16
    private var listener: Int32 = -1
    private(set) var port: UInt16 = 0
    private var peers: [Int32: Int32] = [:]
    private var isFrozen = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(to target: Int) {
        self.target = UInt16(target)
    }

    /// Accepts connections, on the port of an earlier time if there was one.
    func listen() {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = Self.loopback(port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                precondition(bind(listener, address, length) == 0, "the proxy's port is taken")
                Glibc.listen(listener, 16)
                getsockname(listener, address, &length)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        executor.watch(listener, for: .readable) { _ in self.accept() }
    }

    /// Refuses new connections.
    func stopListening() {
        guard listener >= 0 else { return }
        executor.unwatch(listener)
        close(listener)
        listener = -1
    }

    /// Ends every connection that stands.
    func cut() {
        for descriptor in peers.keys {
            executor.unwatch(descriptor)
            close(descriptor)
        }
        peers = [:]
    }

    /// Keeps connections open and passes nothing on.
    func freeze() {
        isFrozen = true
        for descriptor in peers.keys { executor.unwatch(descriptor) }
    }

    func thaw() {
        isFrozen = false
        for descriptor in peers.keys { forward(descriptor) }
    }

    func shutDown() {
        stopListening()
        cut()
        executor.shutDown()
    }

    private func accept() {
        let client = Glibc.accept(listener, nil, nil)
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(target)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard client >= 0, code == 0 else {
            close(client)
            close(server)
            return
        }
        peers[client] = server
        peers[server] = client
        if isFrozen { return }
        forward(client)
        forward(server)
    }

    private func forward(_ descriptor: Int32) {
        executor.watch(descriptor, for: .readable) { _ in self.pass(descriptor) }
    }

    private func pass(_ descriptor: Int32) {
        guard let peer = peers[descriptor] else { return }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        var sent = 0
        while count > 0, sent < count {
            let written = chunk.withUnsafeBytes { send(peer, $0.baseAddress.map { $0 + sent }, count - sent, Int32(MSG_NOSIGNAL)) }
            if written <= 0 { break }
            sent += written
        }
        guard count <= 0 || sent < count else { return }
        for end in [descriptor, peer] {
            executor.unwatch(end)
            peers[end] = nil
            close(end)
        }
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
