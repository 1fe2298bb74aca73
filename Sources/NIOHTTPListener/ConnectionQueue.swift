import Synchronization

/// Connections that were made and wait for their task.
///
/// It loses none, whatever is cancelled or ends: a `NIOAsyncChannel` that nobody takes up ends the process. So it is waited on without regard
/// to cancellation, until it is closed.
final class ConnectionQueue<Connection: Sendable>: Sendable {
    private struct State {
        var waiting: [Connection] = []
        var isClosed = false
        var taker: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func add(_ connection: Connection) { change { $0.waiting.append(connection) } }

    /// No more will come.
    func close() { change { $0.isClosed = true } }

    /// All that wait, one at least; nil where there are none and none will come. One caller at a time.
    func next() async -> [Connection]? {
        while true {
            let (connections, isClosed) = state.withLock { state in
                defer { state.waiting = [] }
                return (state.waiting, state.isClosed)
            }
            if !connections.isEmpty { return connections }
            if isClosed { return nil }
            await withCheckedContinuation { taker in
                let isReady = state.withLock { state in
                    if state.isClosed || !state.waiting.isEmpty { return true }
                    state.taker = taker
                    return false
                }
                if isReady { taker.resume() }
            }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let taker = state.withLock { state in
            body(&state)
            defer { state.taker = nil }
            return state.taker
        }
        taker?.resume()
    }
}
