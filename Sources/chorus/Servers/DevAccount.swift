import Domain
import Engines
import Foundation
import Logging
import Operations
import Postgres
import Store

/// What `chorus dev` puts into its database: the schema, an account with a key, and the simulated engine.
enum DevAccount {
    private static let email = "dev@localhost"

    static func prepare(_ context: DevContext, _ logger: Logger) async throws -> DevPreparation {
        try await withDatabase(context, logger) { database in
            _ = try await Migrator(database).migrate()
            let store = Store(database)
            let engine = EngineDefinition(
                name: "simulated", engineType: .openai, baseURL: try EngineURL("\(context.engineURL)/v1"), model: "simulated")
            try await store.applyEngines([EngineRow(name: engine.name, type: engine.engineType.rawValue, definition: engine.json)])
            let signingKey = context.earlier["CHORUS_WEBHOOKS_SIGNING_KEY"] ?? UUID().uuidString + UUID().uuidString
            return DevPreparation(
                published: ["CHORUS_API_KEY": try await key(context, store), "CHORUS_WEBHOOKS_SIGNING_KEY": signingKey],
                // Receivers of people who try it run on this machine.
                processes: [
                    "CHORUS_WEBHOOKS_SIGNING_KEY": signingKey, "CHORUS_WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8,::1",
                ])
        }
    }

    /// Whether that many workers are known as alive.
    static func areWorkersUp(_ context: DevContext, count: Int, _ logger: Logger) async throws -> Bool {
        try await withDatabase(context, logger) { database in
            try await Store(database).workers().count { $0.status == .alive && $0.heartbeatAt > Date(timeIntervalSinceNow: -10) } >= count
        }
    }

    /// The key of an earlier run, where it still works; else a new one.
    private static func key(_ context: DevContext, _ store: Store) async throws -> String {
        if let earlier = context.earlier["CHORUS_API_KEY"].flatMap(APIKey.init(presented:)), try await store.principal(of: earlier) != nil {
            return earlier.secret
        }
        let userID: UUID
        if let known = try await store.accountID(email: email) {
            userID = known
        } else {
            // Nobody logs in as this account.
            userID = try await store.createAccount(email: email, password: nil, fullName: "Development")
        }
        return try await store.createKey(userID: userID, name: "chorus dev").key.secret
    }

    private static func withDatabase<Value: Sendable>(
        _ context: DevContext, _ logger: Logger, _ body: (PostgresClient) async throws -> Value
    ) async throws -> Value {
        let database = PostgresClient(configuration: try PostgresConfiguration(url: context.databaseURL), logger: logger)
        do {
            let value = try await body(database)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }
}
