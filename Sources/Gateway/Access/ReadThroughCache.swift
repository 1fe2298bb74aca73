import Synchronization

/// Remembers what was loaded, for a time that depends on the value; callers that miss at the same moment share one load.
///
/// Errors are not remembered. The loads under way are bounded by the requests in flight, which wait for them.
final class ReadThroughCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var table: CacheTable<Key, Value>
        var loads: [Key: Task<Value, any Error>] = [:]
    }

    private let state: Mutex<State>
    private let lifetime: @Sendable (Value) -> Duration
    private let now: @Sendable () -> ContinuousClock.Instant

    init(
        capacity: Int, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, lifetime: @escaping @Sendable (Value) -> Duration
    ) {
        state = Mutex(State(table: CacheTable(capacity: capacity)))
        self.lifetime = lifetime
        self.now = now
    }

    /// The value that is remembered, not older than `limit`; else what `load` gives.
    func value(
        for key: Key, noOlderThan limit: Duration? = nil, load: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let time = now()
        let found: (value: Value?, load: Task<Value, any Error>?) = state.withLock { state in
            if let value = state.table.value(for: key, noOlderThan: limit, at: time) { return (value, nil) }
            if let load = state.loads[key] { return (nil, load) }
            // Unstructured: others wait for it too, so the cancellation of the caller that came first must not end it.
            let task = Task { try await self.run(load, for: key, since: time) }
            state.loads[key] = task
            return (nil, task)
        }
        if let value = found.value { return value }
        guard let load = found.load else { throw CancellationError() }
        return try await load.value
    }

    /// The value's age counts from before the load: what the database said may have changed while the answer travelled.
    private func run(
        _ load: @Sendable () async throws -> Value, for key: Key, since time: ContinuousClock.Instant
    ) async throws -> Value {
        do {
            let value = try await load()
            state.withLock { state in
                state.table.remember(value, for: key, lifetime: lifetime(value), at: time)
                state.loads[key] = nil
            }
            return value
        } catch {
            state.withLock { $0.loads[key] = nil }
            throw error
        }
    }
}
