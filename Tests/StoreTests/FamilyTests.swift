import Domain
import Foundation
import Postgres
import Store
import Testing

/// Families as they are accepted, and in which order they run.
@Suite(.timeLimit(.minutes(2))) struct FamilyTests {
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
        try await Family.with { family in
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
        try await Family.with { family in
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
        try await Family.with { family in
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
        try await Family.with { family in
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
