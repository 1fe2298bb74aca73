import Domain
import Foundation
import TestSupport
import Testing

@testable import Operations

/// `chorus prune` as an operator uses it; it needs no broker.
@Suite(.timeLimit(.minutes(1))) struct PruneCommandTests {
    @Test func saysWhatItDoes() async throws {
        let database = try await TestDatabase.make("prune")
        let folder = try await TestFolder.fresh("prune")
        func chorus(_ arguments: String...) async throws -> (ProcessExit?, String) {
            let child = try await ChildProcess.start(
                ProcessCommand(
                    executable: try DevSystem.executable, arguments: arguments,
                    environment: ["PATH": "/usr/bin:/bin", "CHORUS_DATABASE_URL": database.url],
                    logPath: "\(folder)/\(UInt32.random(in: 0 ... .max)).log"))
            let exit = await child.exit()
            return (exit, try String(contentsOfFile: child.log.path, encoding: .utf8))
        }
        #expect(try await chorus("migrate").0 == .exited(0))
        #expect(try await chorus("account", "create", "--email", "a@example.org", "--service").0 == .exited(0))
        // Six tasks that failed long ago, as they were before they were ever sent: the laws ask for no more.
        try await database.execute(
            """
            INSERT INTO api_keys (key_id, user_id, api_key) SELECT gen_random_uuid(), user_id, 'digest' FROM accounts;
            INSERT INTO projects (project_id, user_id, project_name, api_key) SELECT gen_random_uuid(), user_id, 'Old', key_id FROM api_keys;
            INSERT INTO tasks (task_id, project_id, user_id, task_type, status, input_data)
            SELECT chorus_uuid_v7(now() - interval '50 days'), project_id, user_id, 'chat', 'pending', '{}' FROM projects, generate_series(1, 6);
            UPDATE tasks SET status = 'failed', completed_at = now() - interval '40 days';
            """)
        let (trial, words) = try await chorus("prune", "--days", "30", "--dry-run")
        #expect(trial == .exited(0) && words == "would remove 6 tasks of 1 project\n", "\(words)")
        let (kept, nothing) = try await chorus("prune")
        #expect(kept == .exited(0) && nothing.hasPrefix("removed 0 tasks of 0 projects"), "\(nothing)")
        let (pruned, report) = try await chorus("prune", "--days", "30", "--export", "\(folder)/old.ndjson", "--json")
        #expect(pruned == .exited(0))
        let json = try JSONValue(parsing: Array(report.utf8))
        #expect(json["tasks"] == 6 && json["history"] == 12 && json["complete"] == true, "\(report)")
        #expect(try String(contentsOfFile: "\(folder)/old.ndjson", encoding: .utf8).split(separator: "\n").count == 6)
        let (holds, laws) = try await chorus("verify", "--without-broker")
        #expect(holds == .exited(0), "\(laws)")
        let (wrong, usage) = try await chorus("prune", "--share", "0")
        #expect(wrong == .exited(64) && usage.contains("--share must be 1 to 100"), "\(usage)")
    }
}
