import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Operations

/// The socket of a service manager, as systemd would hold it.
private final class ManagerSocket: Sendable {
    let path: String
    private let descriptor: Int32

    /// `@` and a name is one in the abstract namespace.
    init(_ path: String) throws {
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
        guard result == 0 else { throw OperationsError.system("cannot bind \(path)") }
    }

    deinit { close(descriptor) }

    /// The next message; nil where none waits.
    func next() -> String? {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    /// Everything until a message holds `text`.
    func received(until text: String) async throws -> [String] {
        var messages: [String] = []
        try await eventually("a message with \(text)") {
            while let message = next() {
                messages.append(message)
                if message.contains(text) { return true }
            }
            return false
        }
        return messages
    }

    func manager(watchdog: Duration? = nil) -> ServiceManager? {
        var environment = ["NOTIFY_SOCKET": path]
        environment["WATCHDOG_USEC"] = watchdog.map { "\(Int64($0 / .microseconds(1)))" }
        return ServiceManager(environment: environment, processID: getpid())
    }
}

private final class Health: SupervisedHealth {
    let isReady = Flag()
    let isStuck = Flag()

    func waitUntilReady() async { _ = try? await waitUntil(within: .seconds(30), every: .milliseconds(1)) { isReady.isSet } }
    func isAlive() async -> Bool { !isStuck.isSet }
    var status: String { "seven\nof nine" }
}

/// Works until it is told to stop, and then until `drained` is set.
private struct Worker: Service {
    let drained = Flag()

    func run() async throws {
        try await gracefulShutdown()
        _ = try await waitUntil(within: .seconds(30), every: .milliseconds(1)) { drained.isSet }
    }
}

@Suite("The service manager", .timeLimit(.minutes(1)))
struct ServiceManagerTests {
    private func socketPath() async throws -> String { try await TestFolder.fresh("notify") + "/socket" }

    @Test("hears each notice in a datagram of its own, by path and by abstract name")
    func notices() async throws {
        for path in [try await socketPath(), "@chorus-test-\(getpid())"] {
            let socket = try ManagerSocket(path)
            let manager = try #require(socket.manager())
            manager.tell(.ready, .status("two\nlines"))
            #expect(socket.next() == "READY=1\nSTATUS=two")
            manager.tell(.extendTimeout(.milliseconds(1_500)))
            #expect(socket.next() == "EXTEND_TIMEOUT_USEC=1500000")
            manager.tell(.status(String(repeating: "x", count: 10_000)))
            #expect(socket.next()?.utf8.count == "STATUS=".utf8.count + 200)
        }
    }

    @Test("is none without its variables, or with such as cannot be")
    func environment() {
        for variables in [
            [:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "relative"], ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 108)],
        ] {
            #expect(ServiceManager(environment: variables, processID: 1) == nil)
        }
        let watched = ["NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"]
        #expect(ServiceManager(environment: watched, processID: 7)?.watchdogTimeout == .seconds(3))
        // Another process is meant: this one was started by it.
        #expect(ServiceManager(environment: watched, processID: 8)?.watchdogTimeout == nil)
    }

    @Test("that is not there any more holds nothing up")
    func goneManager() async throws {
        let manager = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": try await socketPath()], processID: 1))
        manager.tell(.ready)
    }

    @Test("hears that a service is ready, lives, is stuck, stops and needs more time")
    func supervision() async throws {
        let socket = try ManagerSocket(try await socketPath())
        let health = Health()
        let worker = Worker()
        let service = SupervisedService(worker, health: health, manager: socket.manager(watchdog: .milliseconds(60)))
        let group = ServiceGroup(services: [service], logger: Logger(label: "test"))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            #expect(socket.next() == nil)
            health.isReady.set()
            let first = try await socket.received(until: "WATCHDOG=1")
            #expect(first.first == "READY=1\nSTATUS=seven")
            health.isStuck.set()
            _ = try await socket.received(until: "STATUS=stuck: seven")
            // From here on nothing feeds the watchdog.
            let later = try await socket.received(until: "STATUS=stuck: seven")
            #expect(!later.contains { $0.contains("WATCHDOG") })
            await group.triggerGracefulShutdown()
            let last = try await socket.received(until: "EXTEND_TIMEOUT_USEC=60000")
            #expect(last.contains("STOPPING=1"))
            worker.drained.set()
            try await tasks.waitForAll()
        }
    }
}
