public import Domain
import Postgres

/// A row of `engines`.
public struct EngineRow: Sendable, Hashable {
    public var name: String
    public var type: String
    /// The engine's entry in the engines file, as JSON. Its secret is named, never held.
    public var definition: JSONValue

    public init(name: String, type: String, definition: JSONValue) {
        self.name = name
        self.type = type
        self.definition = definition
    }
}

extension Store {
    /// Makes the table hold these engines and no others; the first is the fleet's default.
    public func applyEngines(_ engines: [EngineRow]) async throws {
        let definitions = engines.map(\.definition.column)
        _ = try await database.pipeline([
            "DELETE FROM engines WHERE name <> ALL (\(engines.map(\.name)))",
            """
            INSERT INTO engines (name, position, engine_type, definition)
            SELECT name, ordinality, engine_type, definition
            FROM unnest(\(engines.map(\.name)), \(engines.map(\.type)), \(definitions))
                WITH ORDINALITY AS e (name, engine_type, definition, ordinality)
            ON CONFLICT (name) DO UPDATE
            SET position = excluded.position, engine_type = excluded.engine_type, definition = excluded.definition, updated_at = now()
            """,
        ])
    }

    /// All engines, the fleet's default first.
    public func engines() async throws -> [EngineRow] {
        try await database.query("SELECT name, engine_type, definition FROM engines ORDER BY position LIMIT 1000") { row in
            var columns = row.columns
            return EngineRow(name: try columns.next(), type: try columns.next(), definition: try columns.nextJSON())
        }
    }
}
