import Domain
import Foundation
import Glibc
import HTTPTypes
import NIOURLSession
import Postgres
import Store
import Synchronization
import TestSupport
import Testing

@testable import Operations

/// Servers under a service manager: they take up what changed in their configuration, and start anew under their callers.
@Suite(.timeLimit(.minutes(2))) struct RestartTests {
    @Test func areReloadedAndStartedAnew() async throws {
        try await Fleet.with(engineLatency: "1ms") { fleet in
            let gateway = try await fleet.startGateway()
            try await reloads(fleet, gateway)
            await gateway.terminate(grace: .seconds(20))
            try await restarts(fleet)
        }
    }

    // MARK: SIGHUP

    private func reloads(_ fleet: Fleet, _ gateway: ChildProcess) async throws {
        let (file, manager) = ("\(fleet.folder)/chorus.yaml", try ManagerSocket("\(fleet.folder)/notify"))
        func write(_ yaml: String) throws { try yaml.write(toFile: file, atomically: true, encoding: .utf8) }
        try write("worker:\n  concurrency: 5\n")
        let worker = try await fleet.start(["worker"], extra: ["CHORUS_CONFIG": file, "NOTIFY_SOCKET": manager.path])
        func log() throws -> String { try String(contentsOfFile: worker.log.path, encoding: .utf8) }
        let started = try await manager.received(until: "READY=1", within: .seconds(30))
        #expect(started.last?.contains("of 5 calls") == true)

        try write("worker:\n  concurrency: 7\n  lease: 20s\nlog:\n  level: warning\n")
        worker.signal(SIGHUP)
        let reloaded = try await manager.received(until: "READY=1")
        #expect(reloaded.contains { $0.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") })
        #expect(reloaded.last?.contains("of 7 calls") == true, "\(reloaded)")
        #expect(try log().contains("keys=worker.lease"), "the key that waits for the next start is named")
        try await eventually("the fleet knows of it") {
            let (_, workers) = try await fleet.request(.get, "/v1/workers")
            return workers["data"]?.arrayValue?.first?["concurrency"] == .number(JSONNumber(7))
        }

        try write("worker:\n  concurrency: many\n")
        worker.signal(SIGHUP)
        let refused = try await manager.received(until: "READY=1")
        #expect(refused.last?.contains("of 7 calls") == true)
        #expect(try log().contains("\(file):2: worker.concurrency must be"), "the line that is wrong is named")
        #expect(worker.exitIfKnown == nil)
        await worker.terminate(grace: .seconds(20))
    }

    // MARK: A socket that stays

    /// One gateway after the other on a socket that this process holds: no connection is refused, no request goes without an answer.
    private func restarts(_ fleet: Fleet) async throws {
        let socket = try ListeningSocket()
        let manager = try ManagerSocket("\(fleet.folder)/notify-gateway")
        var gateway = try await start(fleet, socket, manager)
        let (_, project) = try await fleet.send(.post, "/v1/projects", port: socket.port, ["project_name": "Steady"])
        let path = "/v1/projects/\(project["project_id"]?.stringValue ?? "")/tasks"
        let callers = Callers()
        try await withThrowingTaskGroup { group in
            for caller in 0..<6 {
                group.addTask {
                    while !callers.areDone.load(ordering: .relaxed) {
                        let (response, answer) = try await self.submit(fleet, path, socket.port, keepsConnection: caller.isMultiple(of: 2))
                        guard response.status == .created else {
                            throw DevSystem.Unexpected(status: response.status.code, answer: answer)
                        }
                        callers.answers.add(1, ordering: .relaxed)
                    }
                }
            }
            for _ in 0..<3 {
                let before = callers.answers.load(ordering: .relaxed)
                try await eventually("requests are answered") { callers.answers.load(ordering: .relaxed) > before + 20 }
                try await gateway.terminate()
                gateway = try await start(fleet, socket, manager)
            }
            callers.areDone.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        try await gateway.terminate()
        let (stored, answered) = (try await fleet.count("SELECT count(*) FROM tasks"), callers.answers.load(ordering: .relaxed))
        #expect(stored == answered)
    }

    /// Those who hand in tasks all the time.
    private final class Callers: Sendable {
        let areDone = Atomic(false)
        let answers = Atomic(0)
    }

    private func submit(
        _ fleet: Fleet, _ path: String, _ port: Int, keepsConnection: Bool
    ) async throws -> (HTTPResponse, JSONValue) {
        var request = HTTPRequest(method: .post, scheme: "http", authority: "127.0.0.1:\(port)", path: path)
        request.headerFields[.authorization] = "Bearer \(fleet.key.secret)"
        request.headerFields[.contentType] = "application/json"
        if !keepsConnection { request.headerFields[.connection] = "close" }
        let body: JSONValue = ["task_type": "chat", "input_data": ["prompt": "hello"]]
        let (bytes, response) = try await fleet.session.upload(for: request, from: body.serialized())
        return (response, try JSONValue(parsing: bytes))
    }

    /// A gateway that finds the socket at the descriptor where a service manager puts it. Returns when it is ready.
    private func start(_ fleet: Fleet, _ socket: ListeningSocket, _ manager: ManagerSocket) async throws -> SocketHolder {
        let environment = fleet.environment.merging(["NOTIFY_SOCKET": manager.path]) { $1 }
        let gateway = try SocketHolder(
            try DevSystem.executable, socket: socket, environment: environment, log: "\(fleet.folder)/gateway-on-socket.log")
        _ = try await manager.received(until: "READY=1", within: .seconds(30))
        return gateway
    }
}
