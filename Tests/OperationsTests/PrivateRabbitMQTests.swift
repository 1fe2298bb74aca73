import Foundation
import Glibc
import TestSupport
import Testing

@testable import Operations

@Suite("A private RabbitMQ", .timeLimit(.minutes(3)))
struct PrivateRabbitMQTests {
    @Test("comes back on the same port after a kill, and is gone after a stop")
    func life() async throws {
        let server = try await TestServers.privateRabbitMQ()
        let url = try await server.start()
        let port = try #require(url.split(separator: ":").last.flatMap { Int($0.dropLast()) })
        try await eventually("it answers") { await LoopbackProbe.isAMQPReady(port: port) }
        await server.kill(SIGKILL)
        #expect(await server.pid == nil)
        #expect(await !LoopbackProbe.isAMQPReady(port: port))
        #expect(try await server.start() == url)
        try await eventually("it answers again") { await LoopbackProbe.isAMQPReady(port: port) }
        await #expect(throws: OperationsError.self) { try await server.wipe() }
        await server.stop()
        #expect(LoopbackPort.isFree(port))
        try await server.wipe()
    }

    @Test("is configured for loopback, without plugins unless asked")
    func configuration() async throws {
        let folder = try ServerFolder(path: try await TestFolder.fresh("node"), account: nil)
        let plain = RabbitMQNode(
            folder: folder, port: 1, distributionPort: 2, mapperPort: 3, managementPort: nil, password: "p")
        #expect(plain.configuration.contains("listeners.tcp.1 = 127.0.0.1:1\n"))
        #expect(!plain.configuration.contains("management"))
        #expect(plain.url == "amqp://chorus:p@127.0.0.1:1/")
        #expect(plain.managementURL == nil)
        // Of the plugins that are installed it sees its own part alone.
        try plain.writeConfiguration()
        let plugins = try FileManager.default.contentsOfDirectory(atPath: folder.file("plugins"))
        #expect(plugins.count == 1 && plugins.first?.hasPrefix("rabbit-") == true, "\(plugins)")
        #expect(try plain.serverCommand().environment["RABBITMQ_PLUGINS_DIR"] == folder.file("plugins"))
        let managed = RabbitMQNode(
            folder: folder, port: 1, distributionPort: 2, mapperPort: 3, managementPort: 4, password: "p")
        try managed.writeConfiguration()
        #expect(try managed.serverCommand().environment["RABBITMQ_PLUGINS_DIR"] == nil)
        #expect(!folder.exists("plugins"))
    }
}
