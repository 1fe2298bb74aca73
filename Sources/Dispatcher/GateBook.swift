import FoundationEssentials
import Store
import Synchronization

/// Which engines have limits or are closed, as the database said last. A fleet that has none reads no more than that, once a tick.
final class GateBook: Sendable {
    private struct State {
        var held = HeldEngines()
        var isStale = true
    }

    private let state = Mutex(State())

    /// The engines whose tasks only the dispatcher admits.
    var held: HeldEngines { state.withLock { $0.held } }

    /// A gate or an engine may have changed.
    func expire() { state.withLock { $0.isStale = true } }

    /// Reads what may have changed.
    func refresh(_ store: Store) async throws {
        let wasStale = state.withLock { state in
            defer { state.isStale = false }
            return state.isStale
        }
        guard wasStale else { return }
        do {
            let held = try await store.heldEngines()
            state.withLock { $0.held = held }
        } catch {
            expire()
            throw error
        }
    }
}
