import Synchronization

/// Counts the connections of each address, so that one caller cannot take all of them.
public final class ConnectionsByAddress: Sendable {
    private struct State {
        var limit: Int
        var counts: [String: Int] = [:]
    }

    private let state: Mutex<State>

    public init(limit: Int) { state = Mutex(State(limit: limit)) }

    /// So many from now on; who has more keeps them.
    public func allow(_ limit: Int) { state.withLock { $0.limit = limit } }

    /// false where the address has as many as it may.
    func enter(_ address: String) -> Bool {
        state.withLock { state in
            let count = state.counts[address, default: 0]
            guard count < state.limit else { return false }
            state.counts[address] = count + 1
            return true
        }
    }

    func leave(_ address: String) {
        state.withLock { state in
            guard let count = state.counts[address] else { return }
            state.counts[address] = count > 1 ? count - 1 : nil
        }
    }
}
