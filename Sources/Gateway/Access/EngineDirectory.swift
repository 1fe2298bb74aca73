import Domain
import Store

/// The engines that tasks may name, as they stood in the database moments ago.
struct EngineDirectory: Sendable {
    private static let lifetime: Duration = .seconds(2)
    /// Before a name is refused, nothing older than this is believed: an engine may just have been applied.
    static let refusalAge: Duration = .milliseconds(200)

    private let load: @Sendable () async throws -> EngineNames
    private let cache: ReadThroughCache<Int, EngineNames>

    init(_ store: Store) {
        self.init {
            let rows = try await store.engines()
            let types = rows.compactMap { row in EngineType(rawValue: row.type).map { (row.name, $0) } }
            return EngineNames(rows.map(\.name), types: Dictionary(types) { first, _ in first })
        }
    }

    init(
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, load: @escaping @Sendable () async throws -> EngineNames
    ) {
        self.load = load
        cache = ReadThroughCache(capacity: 1, now: now) { _ in Self.lifetime }
    }

    /// Calls `read` with the known engines, and once more with fresh ones where it refuses a field: what may be said in it depends on the
    /// engine.
    func reading<Value>(_ read: (EngineNames) throws(Problem) -> Value) async throws -> Value {
        let names = try await cache.value(for: 0, load: load)
        do throws(Problem) {
            return try read(names)
        } catch {
            guard !error.errors.isEmpty else { throw error }
            let fresh = try await cache.value(for: 0, noOlderThan: Self.refusalAge, load: load)
            guard fresh != names else { throw error }
            return try read(fresh)
        }
    }
}
