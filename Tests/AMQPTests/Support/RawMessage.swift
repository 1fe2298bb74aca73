import Glibc
import TestSupport

@testable import AMQP

/// A publisher that writes its own frames (AMQP 0-9-1): for messages that client libraries refuse to make.
enum RawMessage {
    struct Failure: Error {
        var what: String
    }

    /// Publishes one message through the default exchange; returns when the broker has it.
    static func publish(to queue: String, properties: [UInt8], body: [UInt8]) async throws {
        let configuration = try await TestBroker.configuration()
        let connection = try Connection(port: configuration.endpoints.first?.port ?? 5_672)
        defer { connection.end() }
        try connection.send(Array("AMQP".utf8) + [0, 0, 9, 1])
        try connection.awaitMethod(10, 10)
        // connection.start-ok: no client properties, PLAIN, the two secrets, a locale.
        let plain = "\0\(configuration.user)\0\(configuration.password)"
        try connection.method(0, 10, 11, bytes(UInt32(0)) + short("PLAIN") + long(plain) + short("en_US"))
        try connection.awaitMethod(10, 30)
        try connection.method(0, 10, 31, bytes(UInt16(16)) + bytes(UInt32(131_072)) + bytes(UInt16(0)))
        try connection.method(0, 10, 40, short(configuration.virtualHost) + [0, 0])
        try connection.awaitMethod(10, 41)
        try connection.method(1, 20, 10, [0])
        try connection.awaitMethod(20, 11)
        try connection.method(1, 85, 10, [0])
        try connection.awaitMethod(85, 11)
        try connection.method(1, 60, 40, bytes(UInt16(0)) + short("") + short(queue) + [0])
        try connection.frame(2, 1, bytes(UInt16(60)) + bytes(UInt16(0)) + bytes(UInt64(body.count)) + properties)
        if !body.isEmpty { try connection.frame(3, 1, body) }
        try connection.awaitMethod(60, 80)
    }

    static func bytes(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
    private static func short(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
    private static func long(_ text: String) -> [UInt8] { bytes(UInt32(text.utf8.count)) + Array(text.utf8) }

    private struct Connection {
        let descriptor: Int32

        init(port: Int) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(port).bigEndian)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard code == 0 else { throw Failure(what: "cannot connect: \(errno)") }
            var limit = timeval(tv_sec: 20, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }

        func end() { close(descriptor) }

        func method(_ channel: UInt16, _ classID: UInt16, _ methodID: UInt16, _ arguments: [UInt8]) throws {
            try frame(1, channel, bytes(classID) + bytes(methodID) + arguments)
        }

        func frame(_ kind: UInt8, _ channel: UInt16, _ payload: [UInt8]) throws {
            try send([kind] + bytes(channel) + bytes(UInt32(payload.count)) + payload + [0xCE])
        }

        func send(_ bytes: [UInt8]) throws {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                guard count > 0 else { throw Failure(what: "cannot write: \(errno)") }
                rest = rest.dropFirst(count)
            }
        }

        /// Reads on to a method of the broker.
        func awaitMethod(_ classID: UInt16, _ methodID: UInt16) throws {
            while true {
                let head = try receive(7)
                let size = head[3...6].reduce(0) { $0 << 8 | Int($1) }
                let payload = try receive(size + 1)
                guard head[0] == 1, payload.count >= 5 else { continue }
                let (found, method) = (payload[0...1].reduce(0) { $0 << 8 | UInt16($1) }, payload[2...3].reduce(0) { $0 << 8 | UInt16($1) })
                if (found, method) == (classID, methodID) { return }
                if method == 50 || (found, method) == (20, 40) { throw Failure(what: "the broker closed: \(payload)") }
            }
        }

        private func receive(_ count: Int) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            var filled = 0
            while filled < count {
                let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + filled }, count - filled) }
                guard got > 0 else { throw Failure(what: "the broker is silent: \(errno)") }
                filled += got
            }
            return bytes
        }
    }
}
