import Domain
import Foundation
import Postgres
import Store
import Testing

/// Each law of families, broken on purpose.
@Suite(.timeLimit(.minutes(2))) struct FamilyVerificationTests {
    struct Break: Sendable, CustomTestStringConvertible {
        var law: Law
        /// The task that is to be named.
        var name: String
        /// Where the statement says `$TASK`, the task's id stands.
        var statement: String
        var testDescription: String { "\(law.rawValue): \(statement.prefix(60))" }
    }

    static let breaks = [
        Break(law: .waitingIsExplained, name: "waits", statement: "UPDATE tasks SET waiting_on = waiting_on - 1 WHERE task_id = $TASK"),
        Break(law: .waitingIsExplained, name: "waits", statement: "UPDATE tasks SET child_count = child_count + 1 WHERE task_id = $TASK"),
        Break(
            law: .waitingIsExplained, name: "later",
            statement: "UPDATE tasks SET waits_for_stage = FALSE, waiting_on = waiting_on - 1 WHERE task_id = $TASK"),
        Break(law: .waitingIsExplained, name: "first", statement: "UPDATE tasks SET waiting_on = 1 WHERE task_id = $TASK"),
        Break(
            law: .parentsRunLast, name: "done",
            statement: "UPDATE tasks SET started_at = started_at - interval '1 hour' WHERE task_id = $TASK"),
        Break(
            law: .familiesEndTogether, name: "orphan",
            statement: """
                WITH moved AS (
                    UPDATE tasks SET status = 'cancelled' WHERE task_id = (SELECT parent_task_id FROM tasks WHERE task_id = $TASK) RETURNING task_id
                ) INSERT INTO task_history (history_id, task_id, status_from, status_to) SELECT chorus_uuid_v7(), task_id, 'pending', 'cancelled' FROM moved
                """),
    ]

    @Test(arguments: breaks)
    func findsWhatIsBroken(kind: Break) async throws {
        try await StoreFixture.with { fixture in
            var family = try await Family(fixture)
            try await family.accept(Family.task("done", [Family.chat("child")]))
            try await family.run("child")
            try await family.admit()
            try await family.settle(try await family.claim("done"), .completed(output: [:]))
            try await family.accept(
                Family.task("waits", [Family.chat("first"), Family.chat("later", order: 1)]), Family.task("parent", [Family.chat("orphan")])
            )
            try await family.verify()
            let task = family[kind.name]
            try await fixture.database.transaction { connection in
                try connection.execute("SET LOCAL session_replication_role = replica")
                try connection.execute(PostgresQuery(unescaped: kind.statement.replacing("$TASK", with: "'\(task.text)'")))
                // One law is broken, and no other.
                _ = try connection.query("SELECT chorus_count_anew()")
            }
            let pass = try await fixture.store.verify(grace: .seconds(60))
            #expect(pass.counts == [kind.law: 1])
            #expect(pass.firstIDs[kind.law] == [task])
        }
    }
}
