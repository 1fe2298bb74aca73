import Domain
import Foundation
import Postgres
import Store
import Testing

/// Families from their acceptance to their end.
@Suite(.timeLimit(.minutes(2))) struct FamilyTests {
    private static func with(_ body: (inout Family) async throws -> Void) async throws {
        try await StoreFixture.with { fixture in
            var family = try await Family(fixture)
            try await body(&family)
            try await family.verify()
        }
    }

    @Test func limitsAreTheSameInCodeAndDatabase() async throws {
        try await StoreFixture.with { fixture in
            let checks = try await fixture.database.query(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname IN ('tasks_depth_limit', 'tasks_width_limit') ORDER BY conname"
            ) { try $0.decode(String.self) }
            #expect(checks.count == 2)
            #expect(checks.first?.contains("(depth <= \(FamilyLimits.depth))") == true, "\(checks)")
            #expect(checks.last?.contains("(child_count <= \(FamilyLimits.children))") == true, "\(checks)")
        }
    }

    @Test func runsStageByStageThenTheParent() async throws {
        try await Self.with { family in
            try await family.accept(
                Family.task(
                    "top",
                    [
                        Family.chat("a"), Family.chat("b", order: 0), Family.chat("c", order: 5),
                        Family.task("d", order: 5, [Family.chat("e")]),
                    ]))
            #expect(try await family.record("top").waitingOn == 4)
            #expect(try await family.record("top").childCount == 4)
            #expect(try await family.record("d").waitingOn == 2)
            #expect(try await family.admit() == ["a", "b", "e"], "stages are a matter of siblings")
            try await family.run("a", "e")
            #expect(try await family.admit() == [])
            try await family.verify()
            try await family.run("b")
            #expect(try await family.admit() == ["c", "d"])
            try await family.run("d")
            try await family.run("c")
            let claims = try await { () in
                try await family.admit()
                return try await family.claim("top")
            }()
            #expect(claims.first?.call == nil && claims.first?.childCount == 4, "a group calls nobody")
            let counts = try await family.fixture.store.childCounts(of: family["top"])
            #expect(counts.output == ["children": ["completed": 4, "failed": 0, "cancelled": 0]])
            try await family.settle(claims, .completed(output: counts.output))
            #expect(try await family.statuses("top", "a", "b", "c", "d", "e") == Array(repeating: .completed, count: 6))
            #expect(try await family.fixture.store.results(taskID: family["top"], limit: 1, after: nil).elements.isEmpty)
        }
    }

    @Test func waitsForAFirstChild() async throws {
        try await Self.with { family in
            try await family.accept(Family.task("group"), Family.task("empty", []), Family.chat("alone"))
            #expect(try await family.admit() == ["empty", "alone"])
            #expect(try await family.record("group").waitingOn == 1)
            try await family.verify()
            try await family.accept(
                Family.chat("x", parent: family["group"]), Family.chat("y", order: 1, parent: family["group"]))
            #expect(try await family.record("group").waitingOn == 2)
            #expect(try await family.record("x").executionOrder == 0)
            try await family.run("x")
            try await family.run("y")
            #expect(try await family.admit() == ["group"])
        }
    }

    @Test func aParentInTheQueueTakesChildren() async throws {
        try await Self.with { family in
            try await family.accept(Family.chat("parent"))
            #expect(try await family.admit() == ["parent"])
            try await family.accept(Family.chat("late", order: 2, parent: family["parent"]))
            #expect(try await family.record("parent").status == .pending)
            #expect(try await family.reasons("parent").last == "It was given children.")
            #expect(try await family.claim("parent").isEmpty, "its message is in the queue still")
            // An earlier stage holds back what waits in the queue.
            #expect(try await family.admit() == ["late"])
            try await family.accept(Family.chat("earlier", order: 1, parent: family["parent"]))
            #expect(try await family.record("late").status == .pending)
            #expect(try await family.record("late").waitingOn == 1)
            try await family.run("earlier")
            try await family.run("late")
            try await family.admit()
            let claims = try await family.claim("parent")
            await #expect("a parent that runs takes no children") {
                try await family.accept(Family.chat("no", parent: family["parent"]))
            } throws: { ($0 as? Problem)?.status == 409 }
            try await family.settle(claims)
        }
    }

    /// A queued message that overtakes the arrival of a child claims nothing: whatever the queue says, the count decides.
    @Test func aClaimLooksAtWhatIsWaitedFor() async throws {
        try await StoreFixture.with { fixture in
            var family = try await Family(fixture)
            try await family.accept(Family.chat("task"))
            try await family.admit()
            _ = try await fixture.database.execute("UPDATE tasks SET waiting_on = 1 WHERE task_id = \(family["task"])")
            #expect(try await family.claim("task").isEmpty)
            #expect(try await family.record("task").status == .pending)
        }
    }

    @Test func aFailedChildFailsTheFamily() async throws {
        try await Self.with { family in
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
        try await Self.with { family in
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
        try await Self.with { family in
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
        try await Self.with { family in
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
        try await Self.with { family in
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
        try await Self.with { family in
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
        try await Self.with { family in
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

    @Test func noTaskIsItsOwnAncestor() async throws {
        try await StoreFixture.with { fixture in
            var family = try await Family(fixture)
            try await family.accept(Family.task("top", [Family.task("child", [Family.chat("grandchild")])]), Family.chat("other"))
            func refuses(_ constraint: String, _ query: PostgresQuery) async {
                await #expect("\(query)") { try await fixture.database.execute(query) } throws: {
                    ($0 as? PostgresError)?.constraint == constraint
                }
            }
            await refuses(
                "tasks_family_is_kept",
                "UPDATE tasks SET parent_task_id = \(family["grandchild"]), depth = 4, execution_order = 0 WHERE task_id = \(family["top"])"
            )
            await refuses("tasks_family_is_kept", "UPDATE tasks SET parent_task_id = NULL WHERE task_id = \(family["child"])")
            await refuses("tasks_family_is_kept", "UPDATE tasks SET execution_order = 3 WHERE task_id = \(family["child"])")
            let (a, b) = (UUID.v7(), UUID.v7())
            func insert(_ id: UUID, parent: UUID, depth: Int32) -> PostgresQuery {
                """
                INSERT INTO tasks (task_id, project_id, user_id, task_type, status, input_data, parent_task_id, execution_order, depth)
                VALUES (\(id), \(fixture.project.id), \(fixture.principal.userID), 'group', 'pending', '{}', \(parent), 0, \(depth))
                """
            }
            await refuses("tasks_parent_is_another", insert(a, parent: a, depth: 2))
            await refuses("tasks_parent_fits", insert(a, parent: family["top"], depth: 3))
            await refuses(
                "tasks_parent_fits",
                """
                INSERT INTO tasks (task_id, project_id, user_id, task_type, status, input_data, parent_task_id, execution_order, depth)
                SELECT id, \(fixture.project.id), \(fixture.principal.userID), 'group', 'pending', '{}', parent, 0, 2
                FROM (VALUES (\(a), \(b)), (\(b), \(a))) AS circle (id, parent)
                """)
            try await family.verify()
        }
    }

    @Test func listsChildrenInTheirOrder() async throws {
        try await Self.with { family in
            try await family.accept(
                Family.task("top", [Family.chat("c", order: 2), Family.chat("a"), Family.chat("b", order: 1), Family.chat("d", order: 2)]))
            var names: [String] = []
            var cursor: PageCursor?
            repeat {
                let page = try await family.fixture.store.children(of: family["top"], limit: 3, after: cursor)
                names += page.elements.compactMap { $0.metadata?["name"]?.stringValue }
                cursor = page.next
            } while cursor != nil
            #expect(names == ["a", "b", "c", "d"])
            let filtered = try await family.fixture.store.tasks(
                projectID: family.fixture.project.id, filter: TaskFilter(parentID: family["top"]), limit: 10, before: nil)
            #expect(Set(filtered.elements.map(\.id)) == Set(["a", "b", "c", "d"].map { family[$0] }))
        }
    }

    @Test func oneBadParentRefusesItsSubmissionOnly() async throws {
        try await StoreFixture.with { fixture in
            var family = try await Family(fixture)
            try await family.accept(Family.task("top"))
            func submission(_ tasks: JSONValue...) throws -> Submission {
                Submission(
                    projectID: fixture.project.id, userID: fixture.principal.userID,
                    tasks: try NewTask.list(reading: tasks, knownEngines: EngineNames(["local"])))
            }
            let outcomes = await fixture.store.accept([
                try submission(Family.chat("plain")), try submission(Family.chat("bad", parent: UUID.v7())),
                try submission(Family.chat("good", parent: family["top"])),
                try submission(Family.chat("x", parent: family["top"]), Family.chat("y", parent: UUID.v7())),
            ])
            let problems = outcomes.map { outcome -> Int? in
                do {
                    _ = try outcome.get()
                    return nil
                } catch { return (error as? Problem)?.status }
            }
            #expect(problems == [nil, 422, nil, 422])
            #expect(try await family.record("top").childCount == 1)
            try await family.verify()
        }
    }
}
