import Foundation
import Glibc
import TestSupport
import Testing

@testable import Operations

@Suite("The folder of a server", .timeLimit(.minutes(1)))
struct ServerFolderTests {
    @Test("remembers port and password")
    func remembers() async throws {
        let path = try await TestFolder.fresh("folder")
        let first = try ServerFolder(path: path, account: nil)
        let port = try await first.port("a")
        let second = try ServerFolder(path: path, account: nil)
        #expect(try await second.port("a") == port)
        #expect(try second.password() == first.password())
        #expect(try second.password().count == 32)
    }

    @Test("gives up a remembered port that is taken, never a wanted one")
    func takenPort() async throws {
        let folder = try ServerFolder(path: try await TestFolder.fresh("folder"), account: nil)
        let port = try await folder.port("a")
        let listener = try #require(Listener(port: port))
        defer { listener.close() }
        #expect(!LoopbackPort.isFree(port))
        #expect(try await folder.port("a", patience: .zero) != port)
        let refusal = await #expect(throws: OperationsError.self) { _ = try await folder.port("a", wanted: port, patience: .zero) }
        #expect(refusal?.code == .portTaken)
    }

    @Test("leaves a stranger with a recorded pid alone")
    func stranger() async throws {
        let folder = try ServerFolder(path: try await TestFolder.fresh("folder"), account: nil)
        let log = try await TestFolder.fresh("log") + "/log"
        let stranger = try await ChildProcess.start(
            ProcessCommand(executable: "/bin/sleep", arguments: ["60"], logPath: log))
        try folder.recordProcess(stranger.pid)
        #expect(try await folder.stopOrphan(signal: SIGKILL, grace: .seconds(1)) == nil)
        #expect(stranger.exitIfKnown == nil)
        await stranger.terminate(grace: .seconds(5))
    }

    @Test("ends an orphan that works in it")
    func orphan() async throws {
        let folder = try ServerFolder(path: try await TestFolder.fresh("folder"), account: nil)
        let orphan = try await ChildProcess.start(
            ProcessCommand(
                executable: "/bin/sleep", arguments: ["60"], environment: ["FOLDER": folder.path], logPath: folder.file("log")))
        try folder.recordProcess(orphan.pid)
        let identity = try #require(ProcessIdentity(pid: orphan.pid))
        // Before it is the program itself its environment is not there to be read for a moment.
        try await eventually("the program runs") {
            let command = try? String(contentsOfFile: "/proc/\(orphan.pid)/cmdline", encoding: .utf8)
            return command?.hasPrefix("/bin/sleep") == true && identity.mentions(folder.path)
        }
        #expect(try await folder.stopOrphan(signal: SIGTERM, grace: .seconds(5)) == orphan.pid)
        #expect(await orphan.exit() == .signalled(SIGTERM))
    }

    @Test("names the folder that keeps another account out")
    func obstacle() async throws {
        let closed = try await TestFolder.fresh("closed")
        #expect(chmod(closed, 0o700) == 0)
        let account = try #require(ServerAccount(named: "daemon"))
        #expect(AbsolutePath.firstObstacle(above: "\(closed)/data/x", for: account) == closed)
        #expect(AbsolutePath.firstObstacle(above: closed, for: account) == nil)
        #expect(throws: OperationsError.self) { _ = try ServerFolder(path: "\(closed)/data", account: account) }
    }

    @Test("has an absolute path without detours", arguments: [("/a/./b/../c", "/a/c"), ("/", "/"), ("/../a/", "/a")])
    func absolutePath(path: String, expected: String) {
        #expect(AbsolutePath.of(path) == expected)
    }
}
