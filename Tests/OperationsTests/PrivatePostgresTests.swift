import Glibc
import Operations
import TestSupport
import Testing

@Suite("A private PostgreSQL", .timeLimit(.minutes(2)))
struct PrivatePostgresTests {
    @Test("keeps data, port and URL over a stop, a kill, and another owner; loses only the data when wiped")
    func life() async throws {
        let folder = try await TestFolder.fresh("postgres")
        let server = PrivatePostgres(dataDirectory: folder)
        let url = try await server.start()
        let database = TestDatabase(at: url)
        try await database.execute("CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)")
        await #expect(throws: OperationsError.self) { try await server.wipe() }

        await server.stop()
        #expect(await server.pid == nil)
        #expect(try await server.start() == url)
        await server.kill(SIGKILL)
        #expect(await server.pid == nil)
        #expect(try await server.start() == url)
        try await database.execute("SELECT 1 / count(*) FROM kept")

        // An owner who knows nothing of the first one finds its server still running.
        let orphan = try #require(await server.pid)
        let heir = PrivatePostgres(dataDirectory: folder)
        #expect(try await heir.start() == url)
        #expect(await heir.pid != orphan)
        #expect(await server.pid == nil)
        try await database.execute("SELECT 1 / count(*) FROM kept")

        await heir.stop()
        try await heir.wipe()
        #expect(try await heir.start() == url)
        await #expect(throws: OperationsError.self) { try await database.execute("SELECT * FROM kept") }
        await heir.stop()
    }

    @Test("lends every suite a database of its own")
    func databases() async throws {
        let one = try await TestDatabase.make()
        let other = try await TestDatabase.make()
        #expect(one.url != other.url)
        try await one.execute("CREATE TABLE mine (x int)")
        await #expect(throws: OperationsError.self) { try await other.execute("SELECT * FROM mine") }
        try await one.drop()
        await #expect(throws: OperationsError.self) { try await one.execute("SELECT 1") }
    }
}
