import Postgres
import Testing

@Suite(.timeLimit(.minutes(1)))
struct NotificationTests {
    @Test func comeWhileTheSessionIsIdle() async throws {
        let listener = try await TestPostgres.connect()
        let notifications = try await listener.notifications()
        try await listener.script("LISTEN life_idle")
        try await TestPostgres.withConnection { sender in
            _ = try sender.execute("SELECT pg_notify('life_idle', 'one')")
            _ = try sender.execute("SELECT pg_notify('life_other', 'nobody listens')")
            _ = try sender.execute("SELECT pg_notify('life_idle', '')")
        }
        var iterator = notifications.makeAsyncIterator()
        let first = await iterator.next()
        #expect(first?.channel == "life_idle" && first?.payload == "one")
        #expect(await iterator.next()?.payload == "")
        await listener.close()
        #expect(await iterator.next() == nil, "the sequence ends with the connection")
    }

    /// Those that come along with a statement's answer are not lost, and the session answers as before.
    @Test func comeWithAStatement() async throws {
        let session = try await TestPostgres.connect()
        let notifications = try await session.notifications()
        try await session.script("LISTEN life_self")
        let sum = try await session.perform { connection in
            for index in 0..<5 { _ = try connection.execute("SELECT pg_notify('life_self', \("\(index)"))") }
            return try connection.query("SELECT 40 + 2").first?.decode(Int32.self)
        }
        #expect(sum == 42)
        var heard: [String] = []
        for await notification in notifications {
            heard.append(notification.payload)
            if heard.count == 5 { break }
        }
        #expect(heard == ["0", "1", "2", "3", "4"])
        await session.close()
    }

    @Test func endWhenTheServerEndsTheSession() async throws {
        let listener = try await TestPostgres.connect()
        let notifications = try await listener.notifications()
        let backend = await listener.backendID
        _ = try await TestPostgres.withConnection { try $0.execute("SELECT pg_terminate_backend(\(backend))") }
        #expect(await notifications.first { _ in true } == nil)
        #expect(await listener.isClosed)
    }

    @Test func aSlowReaderKeepsTheNewest() async throws {
        let session = try await TestPostgres.connect()
        let notifications = try await session.notifications(limit: 2)
        try await session.script("LISTEN life_slow")
        try await session.perform { connection in
            for index in 0..<10 { _ = try connection.execute("SELECT pg_notify('life_slow', \("\(index)"))") }
        }
        var iterator = notifications.makeAsyncIterator()
        #expect(await iterator.next()?.payload == "8")
        #expect(await iterator.next()?.payload == "9")
        await session.close()
    }
}
