import Domain
import Foundation
import Postgres
import Testing

@testable import Store

/// What is written to the log, for whom, and what a reader gets of it whatever the writers' transactions do.
@Suite(.timeLimit(.minutes(2))) struct EventLogTests {
    private func listen(_ fixture: StoreFixture) async throws -> EventLogReader {
        let first = try await fixture.store.startLog(for: .sse, of: fixture.project.id, lifetime: .seconds(60), within: .seconds(5))
        return EventLogReader(fixture.store, after: try #require(first))
    }

    private func logged(_ fixture: StoreFixture) async throws -> Int {
        try await fixture.database.query("SELECT count(*) FROM event_log") { try $0.decode(Int.self) }.first ?? -1
    }

    /// Reads until `count` events are there.
    private func events(_ count: Int, of reader: inout EventLogReader) async throws -> [EventRecord] {
        var events: [EventRecord] = []
        let end = ContinuousClock.now + .seconds(20)
        while events.count < count, ContinuousClock.now < end {
            events += try await reader.next()
            if events.count < count { try await Task.sleep(for: .milliseconds(5)) }
        }
        return events
    }

    @Test func nothingIsWrittenWhereNobodyListens() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.accept([try StoreFixture.newTask()])
            _ = try await fixture.admit()
            #expect(try await logged(fixture) == 0)
            let other = try await fixture.store.createProject(try StoreFixture.newProject("Other"), principal: fixture.principal)
            _ = try await fixture.store.startLog(for: .sse, of: other.id, lifetime: nil, within: .seconds(5))
            try await fixture.accept([try StoreFixture.newTask()])
            #expect(try await logged(fixture) == 0)
            #expect(try await fixture.store.logSpan(ofProject: fixture.project.id) == nil)
        }
    }

    @Test func aLifeIsToldInOrder() async throws {
        try await StoreFixture.with { fixture in
            var reader = try await listen(fixture)
            var task = try StoreFixture.newTask()
            task.metadata = ["page": 7]
            try await fixture.accept([task])
            _ = try await fixture.admit()
            let worker = try await fixture.makeWorker()
            let claimed = try await fixture.store.claim([task.id], workerID: worker, fleetDefault: nil)
            #expect(claimed.count == 1)
            _ = try await fixture.database.execute(
                "UPDATE tasks SET status = 'completed', output_data = '{\"text\": \"line\\nline\"}' WHERE task_id = \(task.id)")
            let events = try await events(4, of: &reader)
            #expect(events.map(\.name.rawValue) == ["task.pending", "task.in_queue", "task.processing", "task.completed"])
            #expect(events.map(\.statusFrom) == [nil, "pending", "in_queue", "processing"])
            #expect(events.map { $0.task?.attempt } == [0, 0, 1, 1])
            #expect(events.map(\.seq) == events.map(\.seq).sorted() && Set(events.map(\.seq)).count == 4)
            let json = try JSONValue(parsing: try #require(events.last).json)
            #expect(json["output_data"]?["text"]?.stringValue == "line\nline")
            #expect(json["metadata"]?["page"]?.intValue == 7)
            #expect(json["status"]?.stringValue == "completed")
            #expect(json["input_data"] == nil)
            let first = try JSONValue(parsing: try #require(events.first).json)
            #expect(first["output_data"] == nil && first["status_from"] == .null)
            #expect(!events.contains { $0.json.contains(UInt8(ascii: "\n")) }, "on one line")
        }
    }

    @Test func aTaskThatIsAdmittedOnItsWayInHasTwoEvents() async throws {
        try await StoreFixture.with { fixture in
            var reader = try await listen(fixture)
            let tasks = try (0..<3).map { _ in try StoreFixture.newTask() }
            _ = await fixture.store.accept(
                [Submission(projectID: fixture.project.id, userID: fixture.principal.userID, tasks: tasks)], admitting: 10)
            let events = try await events(6, of: &reader)
            for task in tasks {
                #expect(events.filter { $0.task?.id == task.id }.map(\.name) == [.task(.pending), .task(.inQueue)])
            }
        }
    }

    @Test func projectsHaveEventsToo() async throws {
        try await StoreFixture.with { fixture in
            let first = try await fixture.store.startLog(for: .exchange, of: nil, lifetime: nil, within: .seconds(5))
            var reader = EventLogReader(fixture.store, after: try #require(first))
            let made = try await fixture.store.createProject(try StoreFixture.newProject("Second"), principal: fixture.principal)
            for action in [ProjectAction.pause, .resume, .cancel, .archive] {
                _ = try await fixture.store.move(project: made.id, action, by: fixture.principal.userID)
            }
            let events = try await events(5, of: &reader)
            #expect(events.map(\.name) == [.created, .paused, .resumed, .cancelled, .archived].map(EventName.project))
            #expect(events.allSatisfy { $0.projectID == made.id && $0.task == nil })
            let json = try JSONValue(parsing: try #require(events.last).json)
            #expect(json["status"]?.stringValue == "archived" && json["status_from"]?.stringValue == "cancelled")
        }
    }

    @Test func aReaderGetsEachCommittedEventOnceFromManyWriters() async throws {
        try await StoreFixture.with { fixture in
            let reader = try await listen(fixture)
            let read = Task {
                var reader = reader
                var events: [EventRecord] = []
                while !Task.isCancelled, events.last?.name != .project(.paused) {
                    events += try await reader.next(limit: 7)
                    try await Task.sleep(for: .milliseconds(2))
                }
                return events
            }
            try await withThrowingTaskGroup { group in
                for writer in 0..<6 {
                    group.addTask {
                        for round in 0..<25 {
                            let isRolledBack = (writer + round) % 3 == 0
                            do {
                                try await fixture.database.transaction { connection in
                                    try connection.execute(
                                        """
                                        INSERT INTO tasks (task_id, project_id, user_id, task_type, status, input_data)
                                        SELECT chorus_uuid_v7(), project_id, user_id, 'chat', 'pending', '{}'
                                        FROM projects, generate_series(1, 3) WHERE project_id = \(fixture.project.id)
                                        """)
                                    if round % 5 == 0 { try connection.execute("SELECT pg_sleep(0.02)") }
                                    if isRolledBack { throw RolledBack() }
                                }
                            } catch is RolledBack {
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            _ = try await fixture.store.move(project: fixture.project.id, .pause, by: fixture.principal.userID)
            let events = try await read.value.dropLast()
            let stored = try await fixture.database.query("SELECT task_id FROM tasks") { try $0.decode(UUID.self) }
            #expect(events.count == stored.count)
            #expect(Set(events.compactMap { $0.task?.id }) == Set(stored))
            #expect(events.map(\.seq) == events.map(\.seq).sorted())
        }
    }

    private struct RolledBack: Error {}

    /// Outside of any lease, which would roll back what is left open.
    private static func run(_ script: String, _ connection: isolated PostgresConnection) throws { try connection.script(script) }

    @Test func aGapWaitsForItsOwnTransactionAndForNoOther() async throws {
        try await StoreFixture.with { fixture in
            var reader = try await listen(fixture)
            // Somebody writes for a long time, but nothing that has events; another one reads for a long time.
            let stranger = try await fixture.connect()
            try await Self.run("BEGIN; UPDATE accounts SET full_name = 'x'", stranger)
            let backup = try await fixture.connect()
            try await Self.run("BEGIN; SELECT count(*) FROM event_listeners", backup)
            let slow = try await fixture.connect()
            let task = try StoreFixture.newTask()
            try await fixture.accept([task])
            try await Self.run("BEGIN; UPDATE tasks SET status = 'paused'", slow)
            try await fixture.accept([try StoreFixture.newTask()])
            let first = try await events(1, of: &reader)
            #expect(first.map(\.name) == [.task(.pending)])
            for _ in 0..<5 {
                let early = try await reader.next()
                #expect(early.isEmpty)
                #expect(reader.isBlocked)
            }
            try await Self.run("ROLLBACK", slow)
            let second = try await events(1, of: &reader)
            #expect(second.map(\.name) == [.task(.pending)])
            #expect(second.first?.task?.id != task.id)
            for connection in [stranger, backup, slow] { await connection.close() }
        }
    }

    @Test func aListenerWaitsForWritersThatHaveNotSeenIt() async throws {
        try await StoreFixture.with { fixture in
            let slow = try await fixture.connect()
            try await Self.run(
                """
                BEGIN; INSERT INTO tasks (task_id, project_id, user_id, task_type, status, input_data)
                SELECT chorus_uuid_v7(), project_id, user_id, 'chat', 'pending', '{}' FROM projects
                """, slow)
            let early = try await fixture.store.startLog(
                for: .sse, of: fixture.project.id, lifetime: .seconds(60), within: .milliseconds(50))
            #expect(early == nil)
            #expect(try await fixture.store.logSpan(ofProject: fixture.project.id) == nil)
            try await Self.run("COMMIT", slow)
            let first = try await fixture.store.startLog(for: .sse, of: fixture.project.id, lifetime: .seconds(60), within: .seconds(5))
            #expect(first != nil)
            #expect(try await fixture.store.logSpan(ofProject: fixture.project.id)?.lowerBound == first)
            await slow.close()
        }
    }

    @Test func whatIsOldIsForgottenAndSaidSo() async throws {
        try await StoreFixture.with { fixture in
            var reader = try await listen(fixture)
            try await fixture.accept(try (0..<10).map { _ in try StoreFixture.newTask() })
            let events = try await events(10, of: &reader)
            #expect(try await fixture.store.forgetEvents(limit: 4) == 0, "a day")
            #expect(try await fixture.store.forgetEvents(limit: 4, olderThan: .zero) == 4)
            #expect(try await fixture.store.logSpan(ofProject: fixture.project.id) == events[3].seq...events[9].seq)
            let rest = try await fixture.store.events(ofProject: fixture.project.id, after: 0, through: reader.position, limit: 100)
            #expect(rest.map(\.seq) == events[4...].map(\.seq))

            _ = try await fixture.database.execute("UPDATE event_listeners SET expires_at = now() - interval '1 second'")
            #expect(try await fixture.store.endListeners() == 1)
            try await fixture.accept([try StoreFixture.newTask()])
            #expect(try await logged(fixture) == 6)
        }
    }

    @Test func howATaskStandsHasTheNumberOfItsLastEvent() async throws {
        try await StoreFixture.with { fixture in
            _ = try await listen(fixture)
            let task = try StoreFixture.newTask()
            try await fixture.accept([task])
            _ = try await fixture.admit()
            let last = try await fixture.database.query("SELECT max(seq) FROM event_log") { try $0.decode(Int64.self) }.first
            let state = try #require(try await fixture.store.currentState(ofTask: task.id, notBefore: 0))
            #expect(state.seq == last && state.name == .task(.inQueue))
            let unknown = try await fixture.store.currentState(ofTask: .v7(), notBefore: 0)
            #expect(unknown == nil)
        }
    }
}
