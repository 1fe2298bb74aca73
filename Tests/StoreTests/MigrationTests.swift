import Domain
import Foundation
import Postgres
import Store
import Testing

@Suite(.timeLimit(.minutes(2))) struct MigrationTests {
    /// Figures that had to become wider: a month's tokens, and its cost in millionths of a USD, do not fit 31 bits.
    private static let widened: Set = [
        "usage_quotas monthly_limit integer NO", "usage_quotas current_usage integer YES 0",
    ]

    /// Wherever the seed speaks, the migrated database says the same.
    @Test(arguments: SchemaQuestion.all)
    func keepsTheSeed(question: SchemaQuestion) async throws {
        let seed = try await withEmptyDatabase { database in
            try await database.withConnection { try $0.script(Migration.all[0].text) }
            return try await question.answers(database)
        }
        let migrated = try await withMigratedDatabase { try await question.answers($0) }
        #expect(!seed.isEmpty)
        #expect(seed.subtracting(migrated).subtracting(Self.widened) == [], "lost from the seed")
        let kept = migrated.map { $0.replacing("bigint", with: "integer") }
        #expect(seed.intersection(Self.widened).isSubset(of: kept))
    }

    /// The first migration is the owner's schema, word for word: twelve tables.
    @Test func holdsTheSeedsTables() async throws {
        let tables = try await withEmptyDatabase { database in
            try await database.withConnection { try $0.script(Migration.all[0].text) }
            return try await database.query("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'") {
                try $0.decode(String.self)
            }
        }
        #expect(
            Set(tables) == [
                "projects", "project_members", "project_activity_log", "tasks", "task_history", "accounts", "api_keys", "usage_quotas",
                "results", "result_feedback", "backup_metadata", "backup_history",
            ])
    }

    @Test func movesAreTheSameInCodeAndDatabase() async throws {
        let inDatabase = try await withMigratedDatabase { database in
            try await database.query("SELECT status_from, status_to FROM task_transitions") { try $0.decode(String.self, String.self) }
        }
        let inCode = TaskStatus.allCases.flatMap { from in from.next.map { "\(from.rawValue) → \($0.rawValue)" } }
        #expect(Set(inDatabase.map { "\($0) → \($1)" }) == Set(inCode))
        #expect(inDatabase.count == inCode.count)
    }

    @Test func isDoneOnceByMany() async throws {
        try await withEmptyDatabase { database in
            let applied = try await withThrowingTaskGroup { group in
                for _ in 0..<6 { group.addTask { try await Migrator(database).migrate().count } }
                return try await group.reduce(0, +)
            }
            #expect(applied == Migration.all.count)
            try await Migrator(database).check()
            #expect(try await Migrator(database).status().allSatisfy { $0.appliedAt != nil })
        }
    }

    @Test func refusesASchemaThatDoesNotFit() async throws {
        try await withEmptyDatabase { database in
            await #expect(throws: Migrator.Failure.outdated(missing: Migration.all.map(\.version))) { try await Migrator(database).check() }
            _ = try await Migrator(database).migrate()
            _ = try await database.execute("INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'later', 'x')")
            await #expect(throws: Migrator.Failure.newer(found: 99, known: Migration.all.last?.version ?? 0)) {
                try await Migrator(database).check()
            }
            await #expect(throws: Migrator.Failure.newer(found: 99, known: Migration.all.last?.version ?? 0)) {
                try await Migrator(database).migrate()
            }
            _ = try await database.execute("DELETE FROM schema_migrations WHERE version = 99")
            _ = try await database.execute("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1")
            await #expect(throws: Migrator.Failure.changed(version: 1)) { try await Migrator(database).check() }
        }
    }

    @Test func idsOfTheDatabaseSortByTime() async throws {
        try await withMigratedDatabase { database in
            let ids = try await database.query("SELECT chorus_uuid_v7() FROM generate_series(1, 2000)") { try $0.decode(UUID.self) }
            #expect(Set(ids).count == 2_000)
            #expect(ids.allSatisfy { $0.uuid.6 >> 4 == 7 && $0.uuid.8 >> 6 == 2 })
            let moments = try await database.query(
                "SELECT chorus_uuid_v7('2026-01-01T00:00:00Z'::timestamptz + n * interval '1 microsecond') FROM generate_series(1, 2000) AS n"
            ) { try $0.decode(UUID.self) }
            #expect(moments.map(\.text).sorted() == moments.map(\.text))
            let now = UUID.v7(at: Date(timeIntervalSince1970: 1_767_225_600.0005))
            let same = try await database.query("SELECT chorus_uuid_v7('2026-01-01T00:00:00.0005Z')") { try $0.decode(UUID.self) }
            #expect(same.first?.text.prefix(18) == now.text.prefix(18))
        }
    }
}

/// One thing that a schema says, asked of the catalogue: each answer is a line.
struct SchemaQuestion: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let sql: String

    func answers(_ database: PostgresClient) async throws -> Set<String> {
        Set(try await database.query(PostgresQuery(unescaped: sql)) { try $0.decode(String.self) })
    }

    static let all = [
        SchemaQuestion(
            testDescription: "columns, types, defaults, nullability",
            sql: """
                SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable, column_default)
                FROM information_schema.columns WHERE table_schema = 'public'
                """),
        SchemaQuestion(
            testDescription: "primary, unique and foreign keys, checks",
            sql: """
                SELECT concat_ws(' ', conrelid::regclass, contype, pg_get_constraintdef(oid))
                FROM pg_constraint WHERE connamespace = 'public'::regnamespace
                """),
        SchemaQuestion(
            testDescription: "indexes by name and definition",
            sql: "SELECT indexname || ' ' || indexdef FROM pg_indexes WHERE schemaname = 'public'"),
    ]
}
