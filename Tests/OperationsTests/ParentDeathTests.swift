import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import Operations

/// The test program runs itself: in the second process only `actAsParent` is on, starts both servers and waits to be killed.
@Suite("When the parent is killed", .timeLimit(.minutes(2)))
struct ParentDeathTests {
    private static let folderVariable = "CHORUS_TEST_PARENT_FOLDER"
    private static let folder = ProcessInfo.processInfo.environment[folderVariable]

    @Test("the parent", .enabled(if: folder != nil, "only in the process that is to be killed"))
    func actAsParent() async throws {
        let folder = try #require(Self.folder)
        let postgres = PrivatePostgres(dataDirectory: "\(folder)/postgres")
        let rabbitMQ = PrivateRabbitMQ(dataDirectory: "\(folder)/rabbitmq")
        async let database = postgres.start()
        async let broker = rabbitMQ.start()
        _ = try await (database, broker)
        let scratch = try await TestFolder.fresh("scratch")
        let pids = [await postgres.pid, await rabbitMQ.pid].compactMap { $0 }
        try AtomicFile.write("\(pids[0]) \(pids[1]) \(scratch)", to: "\(folder)/pids")
        _ = await postgres.exit()
    }

    @Test("its servers die, its test folder goes, and the next owner goes on from the data", .enabled(if: folder == nil))
    func children() async throws {
        let folder = try await TestFolder.fresh("parent")
        var environment = ProcessInfo.processInfo.environment
        environment[Self.folderVariable] = folder
        let parent = try await ChildProcess.start(
            ProcessCommand(
                executable: "/proc/\(getpid())/exe",
                arguments: Array(CommandLine.arguments.dropFirst().prefix { $0 != "--filter" && $0 != "--skip" })
                    + ["--testing-library", "swift-testing", "--filter", "actAsParent"],
                environment: environment, logPath: "\(folder)/parent.log"))
        try await eventually("the servers run", within: .seconds(60)) {
            if let exit = parent.exitIfKnown { throw parent.failure(exit) }
            return access("\(folder)/pids", F_OK) == 0
        }
        let words = try #require(AtomicFile.read("\(folder)/pids")).split(whereSeparator: \.isWhitespace)
        let pids = words.prefix(2).compactMap { Int32($0) }
        #expect(pids.count == 2 && pids.allSatisfy { ProcessIdentity(pid: $0) != nil })

        parent.signal(SIGKILL)
        #expect(await parent.exit() == .signalled(SIGKILL))
        try await eventually("the servers are gone") { pids.allSatisfy { ProcessIdentity(pid: $0) == nil } }
        try await eventually("the folder is gone") { access(String(words[2]), F_OK) != 0 }

        let heir = PrivatePostgres(dataDirectory: "\(folder)/postgres")
        try await TestDatabase(at: heir.start()).execute("SELECT 1")
        await heir.stop()
    }
}
