import Glibc
import NIOCore
import NIOPosix

/// What a host's name leads to, on threads of its own: the system's resolver blocks them, for as long as its own time limits let it.
final class AddressLookup: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let threads = NIOThreadPool(numberOfThreads: 4)

    func start() { threads.start() }

    func stop() async { try? await threads.shutdownGracefully() }

    /// In the order in which they should be tried (RFC 6724).
    /// - Throws: `Failure` in the resolver's words.
    func addresses(of host: String, port: Int) async throws -> [SocketAddress] {
        try await threads.runIfActive { try Self.resolve(host, port) }
    }

    private static func resolve(_ host: String, _ port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else { throw Failure(description: "\(host): \(String(cString: gai_strerror(status)))") }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            guard let address = entry.ai_addr else { continue }
            switch entry.ai_family {
            case AF_INET:
                address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { addresses.append(SocketAddress($0.pointee)) }
            case AF_INET6:
                address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { addresses.append(SocketAddress($0.pointee)) }
            default: break
            }
        }
        return addresses
    }
}
