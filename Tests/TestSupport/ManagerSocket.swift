import Glibc
import Operations

/// The socket on which a service manager hears its services, as systemd would hold it.
public final class ManagerSocket: Sendable {
    /// What `NOTIFY_SOCKET` names.
    public let path: String
    private let descriptor: Int32

    /// `@` and a name is one in the abstract namespace.
    public init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            bytes.copyBytes(from: path.utf8)
            if path.hasPrefix("@") { bytes[0] = 0 }
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard result == 0 else { throw OperationsError(.system, "cannot bind \(path)") }
    }

    deinit { close(descriptor) }

    /// The next message; nil where none waits.
    public func next() -> String? {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    /// Everything until a message holds `text`.
    public func received(until text: String, within limit: Duration = .seconds(10)) async throws -> [String] {
        var messages: [String] = []
        try await eventually("a message with \(text)", within: limit) {
            while let message = next() {
                messages.append(message)
                if message.contains(text) { return true }
            }
            return false
        }
        return messages
    }
}
