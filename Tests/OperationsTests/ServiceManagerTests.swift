import Glibc
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Operations

extension ManagerSocket {
    fileprivate func manager(watchdog: Duration? = nil) -> ServiceManager? {
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
        let service = SupervisedService(worker, health: health, manager: socket.manager(watchdog: .milliseconds(60)), reload: {})
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

    @Test("passes a socket to the process that it names, and to no other")
    func passedSocket() throws {
        for environment in [[:], ["LISTEN_FDS": "1"], ["LISTEN_FDS": "1", "LISTEN_PID": "8"], ["LISTEN_FDS": "0", "LISTEN_PID": "7"]] {
            #expect(try PassedSocket(environment: environment, processID: 7) == nil)
        }
        #expect(throws: OperationsError.self) { try PassedSocket(environment: ["LISTEN_FDS": "2", "LISTEN_PID": "7"], processID: 7) }
    }
}
