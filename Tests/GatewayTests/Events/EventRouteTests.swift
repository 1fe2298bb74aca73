import Domain
import Foundation
import HTTPTypes
import Postgres
import Store
import TestSupport
import Testing

@testable import Gateway

/// Streams of events over HTTP: what readers get, once and in order, whatever breaks.
@Suite(.timeLimit(.minutes(3))) struct EventRouteTests {
    private static let task = #"{"task_type":"chat","input_data":{"prompt":"hi"},"metadata":{"page":1}}"#

    private func submit(_ count: Int = 1, to project: String, _ fixture: GatewayFixture) async throws -> [String] {
        var ids: [String] = []
        for _ in 0..<count {
            let answer = try await fixture.send(.post, "/v1/projects/\(project)/tasks", Self.task)
            ids.append(try #require(answer.json["task_id"]?.stringValue))
        }
        return ids
    }

    private func move(_ id: String, to status: String, _ fixture: GatewayFixture) async throws {
        _ = try await fixture.database.execute(
            "UPDATE tasks SET status = \(status), output_data = '{\"text\":\"yes\"}' WHERE task_id = \(try #require(UUID(uuidString: id)))")
    }

    private func finish(_ id: String, _ fixture: GatewayFixture) async throws {
        for status in ["in_queue", "processing", "completed"] { try await move(id, to: status, fixture) }
    }

    @Test func aProjectIsFollowedFromNow() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let other = try await fixture.makeProject("Other")
            _ = try await submit(to: project, fixture)
            let reader = EventReader.open("/v1/projects/\(project)/events", of: fixture)
            try await reader.ready()
            #expect(reader.status == 200)
            #expect(reader.fields[.contentType] == "text/event-stream")
            #expect(reader.fields[.cacheControl] == "no-store")
            #expect(reader.events.isEmpty)
            _ = try await submit(to: other, fixture)
            let ids = try await submit(3, to: project, fixture)
            for id in ids { try await finish(id, fixture) }
            _ = try await fixture.send(.post, "/v1/projects/\(project)/pause", "{}")
            try await eventually("all are there") { reader.names.last == "project.paused" }
            #expect(reader.events.count == 13)
            for id in ids {
                let own = reader.events.filter { $0.taskID == id }
                #expect(own.map(\.name) == ["task.pending", "task.in_queue", "task.processing", "task.completed"])
                #expect(own.last?.data["output_data"]?["text"]?.stringValue == "yes")
                #expect(own.allSatisfy { $0.data["metadata"]?["page"]?.intValue == 1 && $0.data["seq"]?.intValue == $0.id.map(Int.init) })
            }
            await reader.close()
        }
    }

    @Test func whoComesBackGetsWhatItMissedOnce() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let path = "/v1/projects/\(project)/events"
            let whole = EventReader.open(path, of: fixture)
            try await whole.ready()
            var events: [ReceivedEvent] = []
            var last = whole.lastID
            for round in 0..<5 {
                let ids = try await submit(60, to: project, fixture)
                let reader = EventReader.open(path, of: fixture, after: last)
                for id in ids.prefix(5) { try await finish(id, fixture) }
                // Wherever it is: between events, in the middle of those that it missed.
                try await eventually("some events") { reader.events.count > round * 11 }
                await reader.close()
                events += reader.events
                last = reader.lastID
            }
            let end = EventReader.open(path, of: fixture, after: last)
            try await eventually("the rest") { events.count + end.events.count >= 375 }
            events += end.events
            try await eventually("the reader that stayed has them") { whole.events.count >= 375 }
            #expect(events.map(\.id) == whole.events.map(\.id))
            #expect(Set(events.map(\.id)).count == 375)
            for reader in [whole, end] { await reader.close() }
        }
    }

    @Test func aReaderThatCannotGoOnIsTold() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let path = "/v1/projects/\(project)/events"
            let first = EventReader.open(path, of: fixture)
            try await first.ready()
            _ = try await submit(4, to: project, fixture)
            try await eventually("all are there") { first.events.count == 4 }
            #expect(try await fixture.store.forgetEvents(limit: 3, olderThan: .zero) == 3)
            // Too old; never given.
            for id in ["\(first.events[0].id ?? 0)", "999999999"] {
                let reader = EventReader.open(path, of: fixture, after: id)
                try await eventually("it is told") { reader.names == ["reset"] }
                let task = try await submit(to: project, fixture)
                try await eventually("it goes on") { reader.events.last?.taskID == task.first }
                #expect(reader.names == ["reset", "task.pending"])
                await reader.close()
            }
            let fine = EventReader.open(path + "?after=\(first.events[2].id ?? 0)", of: fixture)
            try await eventually("the rest") { fine.names.count >= 3 }
            #expect(!fine.names.contains("reset"))
            for reader in [first, fine] { await reader.close() }
        }
    }

    @Test func onlyWhatIsWanted() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let reader = EventReader.open("/v1/projects/\(project)/events?events=task.completed,project.paused", of: fixture)
            try await reader.ready()
            for id in try await submit(2, to: project, fixture) { try await finish(id, fixture) }
            _ = try await fixture.send(.post, "/v1/projects/\(project)/pause", "{}")
            try await eventually("all are there") { reader.names.last == "project.paused" }
            #expect(reader.names == ["task.completed", "task.completed", "project.paused"])
            await reader.close()
            let wrong = try await fixture.send(.get, "/v1/projects/\(project)/events?events=task.done")
            #expect(wrong.status == 400 && wrong.pointers == ["events"])
            let badID = try await fixture.send(.get, "/v1/projects/\(project)/events", headers: [.lastEventID: "x"])
            #expect(badID.status == 400 && badID.pointers == ["Last-Event-ID"])
        }
    }

    @Test func aTaskIsFollowedToItsEnd() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let ids = try await submit(2, to: project, fixture)
            let path = "/v1/tasks/\(ids[0])/events"
            let reader = EventReader.open(path, of: fixture)
            try await eventually("how it stands") { reader.names == ["task.pending"] }
            try await finish(ids[1], fixture)
            try await finish(ids[0], fixture)
            try await eventually("it ends") { reader.isAtEnd }
            #expect(reader.names == ["task.pending", "task.in_queue", "task.processing", "task.completed"])
            #expect(reader.events.allSatisfy { $0.taskID == ids[0] })
            // Who comes back has nothing to wait for.
            let again = EventReader.open(path, of: fixture, after: reader.lastID)
            try await eventually("it is told so") { again.isAtEnd }
            #expect(again.status == 204)
            let late = EventReader.open(path, of: fixture)
            try await eventually("it ends") { late.isAtEnd }
            #expect(late.names == ["task.completed"])
            #expect(late.events.last?.data["output_data"]?["text"]?.stringValue == "yes")
            let middle = EventReader.open(path, of: fixture, after: "\(reader.events[1].id ?? 0)")
            try await eventually("it ends") { middle.isAtEnd }
            #expect(middle.names == ["task.processing", "task.completed"])
        }
    }

    @Test func changesWhileATaskIsOpenedAreNeitherLostNorDoubled() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            for id in try await submit(12, to: project, fixture) {
                let moves = Task { try await finish(id, fixture) }
                let reader = EventReader.open("/v1/tasks/\(id)/events", of: fixture)
                try await eventually("it ends") { reader.isAtEnd }
                try await moves.value
                // From wherever it stood, every change once.
                let life = ["task.pending", "task.in_queue", "task.processing", "task.completed"]
                #expect(life.suffix(reader.names.count) == reader.names[...], "\(reader.names)")
            }
        }
    }

    @Test func whoMayNotReadAnyMoreIsCutOff() async throws {
        try await GatewayFixture.with(configure: { $0.eventHeartbeat = .seconds(1) }) { fixture in
            let project = try await fixture.makeProject()
            let owner = try #require(try await fixture.store.accountID(email: "owner@example.org"))
            let key = try await fixture.store.createKey(NewKey(name: "reader"), userID: owner)
            let reader = EventReader.open("/v1/projects/\(project)/events", of: fixture, key: key.key.secret)
            try await reader.ready()
            #expect(!reader.isAtEnd)
            _ = try await fixture.store.revokeKey(key.record.id, of: owner)
            try await eventually("its stream ends", within: .seconds(20)) { reader.isAtEnd }
        }
    }

    @Test func streamsAreCounted() async throws {
        try await GatewayFixture.with(configure: { configuration in
            configuration.eventStreams = 3
            configuration.eventStreamsPerKey = 2
        }) { fixture in
            let project = try await fixture.makeProject()
            let path = "/v1/projects/\(project)/events"
            let readers = [EventReader.open(path, of: fixture), EventReader.open(path, of: fixture)]
            for reader in readers { try await reader.ready() }
            let refused = try await fixture.send(.get, path)
            #expect(refused.status == 429 && refused.head.headerFields[.retryAfter] != nil)
            await readers[0].close()
            // A HEAD takes a place for no longer than its answer.
            for _ in 0..<3 {
                try await eventually("a place is free") { try await fixture.send(.head, path).status == 200 }
            }
            let third = EventReader.open(path, of: fixture)
            try await eventually("it reads") { third.status == 200 || third.isAtEnd }
            for reader in readers + [third] { await reader.close() }
        }
    }

    @Test func aQuietStreamLivesAndItsReaderComesBackFromItsPlace() async throws {
        try await GatewayFixture.with(configure: { configuration in
            configuration.idleTimeout = .seconds(2)
            configuration.eventHeartbeat = .seconds(3)
        }) { fixture in
            let project = try await fixture.makeProject()
            let other = try await fixture.makeProject("Other")
            let reader = EventReader.open("/v1/projects/\(project)/events", of: fixture)
            let neighbour = EventReader.open("/v1/projects/\(other)/events", of: fixture)
            for reader in [reader, neighbour] { try await reader.ready() }
            let first = reader.lastID
            _ = try await submit(3, to: other, fixture)
            try await eventually("a heartbeat that says how far it is", within: .seconds(20)) {
                reader.comments > 0 && reader.lastID != first
            }
            #expect(!reader.isAtEnd && reader.events.isEmpty)
            for reader in [reader, neighbour] { await reader.close() }
        }
    }
}
