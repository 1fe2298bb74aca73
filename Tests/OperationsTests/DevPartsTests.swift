import Glibc
import TestSupport
import Testing

@testable import Operations

@Suite("The parts of a development environment", .timeLimit(.minutes(1)))
struct DevPartsTests {
    @Test("the environment file is read back as it was written, and plain values are not quoted")
    func environmentFile() {
        let variables = ["A": "http://127.0.0.1:1/x", "B": "1 2 3", "C": "it's $HOME", "D": ""]
        let text = DevEnvironmentFile.render(variables)
        #expect(text.hasPrefix("A=http://127.0.0.1:1/x\nB='1 2 3'\n"))
        #expect(DevEnvironmentFile.parse(text) == variables)
        #expect(DevEnvironmentFile.parse("# A=1\nnonsense\n") == [:])
    }

    @Test("the delay before a restart doubles up to a bound and falls back after a healthy life")
    func backoff() {
        var backoff = RestartBackoff()
        #expect(backoff.delay(after: .zero) == .milliseconds(100))
        #expect(backoff.delay(after: .zero) == .milliseconds(200))
        for _ in 0..<20 { _ = backoff.delay(after: .zero) }
        #expect(backoff.delay(after: .zero) == RestartBackoff.longest)
        #expect(backoff.delay(after: .seconds(60)) == RestartBackoff.first)
    }

    @Test("workers stop first, servers last")
    func stopOrder() {
        #expect(DevMember.stopOrder(workers: 2) == [[.worker(1), .worker(2)], [.gateway], [.engine], [.rabbitMQ, .postgres]])
        #expect(DevMember.workersUp(to: -1) == [])
    }

    @Test("the default folder follows the base directory specification")
    func defaultFolder() throws {
        #expect(try DevOptions().folder(environment: ["XDG_STATE_HOME": "/s", "HOME": "/h"]) == "/s/chorus/dev")
        #expect(try DevOptions().folder(environment: ["XDG_STATE_HOME": "relative", "HOME": "/h"]) == "/h/.local/state/chorus/dev")
        #expect(try DevOptions(dataDirectory: "/d").folder(environment: [:]) == "/d")
        #expect(throws: OperationsError.self) { _ = try DevOptions().folder(environment: [:]) }
    }

    @Test("a folder has one environment at a time")
    func lock() async throws {
        let path = try await TestFolder.fresh("dev")
        let first = try DevFolder(path: path, reset: false)
        let refusal = #expect(throws: OperationsError.self) { _ = try DevFolder(path: path, reset: false) }
        #expect(refusal?.code == .folderInUse)
        withExtendedLifetime(first) {}
    }

    @Test("a reset deletes what the environment made, nothing else, and only in a folder with the mark")
    func reset() async throws {
        let foreign = try await TestFolder.fresh("foreign")
        try AtomicFile.write("A=1", to: "\(foreign)/dev.env")
        #expect(throws: OperationsError.self) { _ = try DevFolder(path: foreign, reset: true) }
        #expect(AtomicFile.read("\(foreign)/dev.env") == "A=1\n")

        let path = try await TestFolder.fresh("dev")
        do { _ = try DevFolder(path: path, reset: true) }
        try AtomicFile.write("A=1", to: "\(path)/dev.env")
        try AtomicFile.write("mine", to: "\(path)/mine")
        do {
            let folder = try DevFolder(path: path, reset: true)
            #expect(folder.takeLastEnvironment() == [:])
        }
        #expect(AtomicFile.read("\(path)/mine") == "mine\n")
    }

    @Test("servers whose account cannot reach the folder get one elsewhere, and keep it")
    func serversFolder() async throws {
        let closed = try await TestFolder.fresh("closed")
        #expect(chmod(closed, 0o700) == 0)
        let account = try #require(ServerAccount(named: "daemon"))
        let folder = try DevFolder(path: "\(closed)/dev", reset: false)
        #expect(try folder.serversFolder(for: nil) == "\(closed)/dev")

        let other = try DevFolder(path: "\(closed)/other", reset: false)
        let elsewhere = try other.serversFolder(for: account)
        #expect(elsewhere.hasPrefix("/var/tmp/chorus-"))
        #expect(try other.serversFolder(for: account) == elsewhere)
        rmdir(elsewhere)
    }
}
