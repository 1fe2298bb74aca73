import Domain
import Foundation
import Postgres
import Store
import Testing

/// How families end, and how they are tried again.
@Suite(.timeLimit(.minutes(2))) struct FamilyEndTests {
    @Test func aFailedChildFailsTheFamily() async throws {
        try await Family.with { family in
            try await family.accept(
                Family.task(
                    "top",
                    [
                        Family.task(
                            "left", [Family.chat("bad"), Family.chat("running"), Family.chat("waiting"), Family.chat("later", order: 1)]),
                        Family.task("right", onChildFailure: "continue", [Family.chat("other")]),
                    ]))
            try await family.admit()
            let running = try await family.claim("running")
            try await family.run("other")
            try await family.run("bad", outcome: .failed(message: "no such model"))
            #expect(try await family.statuses("top", "left", "bad") == [.failed, .failed, .failed])
            #expect(
                try await family.statuses("running", "waiting", "later", "other", "right")
                    == [.cancelled, .cancelled, .cancelled, .completed, .cancelled])
            let message = "The child \(family["bad"].text) failed: no such model"
            #expect(try await family.record("left").errorMessage == message)
            #expect(try await family.record("top").errorMessage == "The child \(family["left"].text) failed: \(message)")
            #expect(try await family.reasons("left").last == message)
            #expect(try await family.reasons("waiting").last == "Its parent has failed.")
            let results = try await family.fixture.store.results(taskID: family["running"], limit: 9, after: nil).elements
            #expect(results.map(\.status) == [.cancelled])
            try await family.settle(running)
            #expect(try await family.statuses("running") == [.cancelled], "its outcome came too late")
        }
    }

    @Test func aParentMayGoOn() async throws {
        try await Family.with { family in
            try await family.accept(
                Family.task("top", onChildFailure: "continue", [Family.chat("a"), Family.chat("b"), Family.chat("c", order: 1)]))
            try await family.run("a", outcome: .failed(message: "no"))
            try await family.move("b", .cancel)
            #expect(try await family.admit() == ["c"])
            try await family.run("c")
            #expect(try await family.admit() == ["top"])
            let counts = try await family.fixture.store.childCounts(of: family["top"])
            #expect(counts.output == ["children": ["completed": 1, "failed": 1, "cancelled": 1]])
        }
    }

    /// Whoever ends a task: its deadline, its worker's death, its project, a person.
    @Test(arguments: ["deadline", "poison", "project", "person"])
    func everyEndTakesTheSamePath(kind: String) async throws {
        try await Family.with { family in
            let database = family.fixture.database
            try await family.accept(Family.task("top", [Family.task("mid", [Family.chat("a"), Family.chat("b")])]))
            try await family.admit()
            switch kind {
            case "deadline":
                _ = try await database.execute("UPDATE tasks SET deadline = now() WHERE task_id = \(family["mid"])")
                #expect(try await family.fixture.store.expireWaiting(limit: 10) == 1)
            case "poison":
                _ = try await family.claim("a")
                _ = try await database.execute("UPDATE tasks SET worker_losses = 99 WHERE task_id = \(family["a"])")
                try await family.fixture.loseWorker(family.worker)
                #expect(try await family.fixture.store.requeueOrphans(limit: 10) == 1)
            case "project":
                let user = family.fixture.principal.userID
                _ = try await family.fixture.store.move(project: family.fixture.project.id, .cancel, by: user)
                _ = try await family.fixture.store.settle(projectID: family.fixture.project.id, batch: 1)
            default: try await family.move("mid", .cancel)
            }
            let statuses = try await family.statuses("top", "mid", "a", "b")
            switch kind {
            case "deadline": #expect(statuses == [.failed, .failed, .cancelled, .cancelled])
            case "poison": #expect(statuses == [.failed, .failed, .failed, .cancelled])
            // The first one cancelled fails those above it, or all are cancelled: nothing is left in any case.
            case "project": #expect(statuses.allSatisfy { $0 == .cancelled || $0 == .failed })
            default: #expect(statuses == [.failed, .cancelled, .cancelled, .cancelled])
            }
        }
    }

    @Test func theWorkerIsToldOfEachCancelledChild() async throws {
        try await Family.with { family in
            try await family.accept(Family.task("top", [Family.task("mid", [Family.chat("a"), Family.chat("b")])]))
            try await family.admit()
            _ = try await family.claim("a", "b")
            let worker = family.worker
            let session = try await family.fixture.connect()
            let notifications = try await session.notifications()
            try await Self.listen(session, "chorus_worker_\(worker.text.filter { $0 != "-" })")
            try await family.move("top", .cancel)
            var told: Set<String> = []
            for await notification in notifications {
                told.insert(notification.payload)
                if told.count == 2 { break }
            }
            #expect(told == [family["a"].text, family["b"].text])
            #expect(try await family.statuses("top", "mid", "a", "b") == Array(repeating: .cancelled, count: 4))
            await session.close()
        }
    }

    private static func listen(_ session: isolated PostgresConnection, _ channel: String) throws {
        try session.script("LISTEN \(channel)")
    }

    @Test func aRetriedParentTakesAlongWhatDidNotComplete() async throws {
        try await Family.with { family in
            try await family.accept(
                Family.task("top", [Family.task("mid", [Family.chat("done"), Family.chat("bad"), Family.chat("later", order: 1)])]))
            try await family.run("done")
            try await family.run("bad", outcome: .failed(message: "no"))
            #expect(try await family.statuses("top", "mid", "later") == [.failed, .failed, .cancelled])
            try await family.verify()
            try await family.move("top", .retry)
            #expect(
                try await family.statuses("top", "mid", "done", "bad", "later") == [.pending, .pending, .completed, .pending, .pending])
            #expect(try await family.record("top").errorMessage == nil)
            try await family.verify()
            #expect(try await family.admit() == ["bad"])
            try await family.run("bad")
            try await family.run("later")
            try await family.run("mid")
            try await family.run("top")
            #expect(try await family.record("top").status == .completed)
        }
    }

    /// A child alone: the parent that failed over it is tried again, and so on upward, with all that was cancelled along.
    @Test func aRetriedChildRevivesItsParents() async throws {
        try await Family.with { family in
            try await family.accept(
                Family.task("top", [Family.task("mid", [Family.chat("bad"), Family.chat("sibling")]), Family.chat("uncle")]))
            try await family.run("bad", outcome: .failed(message: "no"))
            #expect(try await family.statuses("top", "mid", "sibling", "uncle") == [.failed, .failed, .cancelled, .cancelled])
            try await family.move("sibling", .retry)
            #expect(
                try await family.statuses("top", "mid", "bad", "sibling", "uncle") == Array(repeating: .pending, count: 5))
            #expect(try await family.record("top").waitingOn == 2)
            #expect(try await family.record("mid").waitingOn == 2)
        }
    }

    @Test func aChildOfAParentThatIsOverIsNotRetried() async throws {
        try await Family.with { family in
            try await family.accept(
                Family.task("cancelled", [Family.chat("a")]), Family.task("completed", onChildFailure: "continue", [Family.chat("b")]),
                Family.task("runs", onChildFailure: "continue", [Family.chat("c")]),
                Family.task("waits", onChildFailure: "continue", [Family.chat("d"), Family.chat("e")]))
            try await family.move("cancelled", .cancel)
            try await family.run("b", "c", "d", outcome: .failed(message: "no"))
            try await family.run("completed")
            _ = try await family.claim("runs")
            for (child, status) in [("a", "cancelled"), ("b", "completed"), ("c", "processing")] {
                await #expect("\(child)") { try await family.move(child, .retry) } throws: { error in
                    let problem = error as? Problem
                    return problem?.status == 409 && problem?.detail?.contains(status) == true
                }
            }
            try await family.move("d", .retry)
            #expect(try await family.record("waits").waitingOn == 2)
        }
    }
}
