import Queues
import Store
import Synchronization

/// The short way into the queues: while nothing waits and there is room, tasks are admitted by the statement that accepts them.
///
/// The dispatcher opens it when it found nothing that could run, for as many tasks as the queues may take, and closes it when something
/// waits: what comes then takes its turn. A task that comes between the dispatcher's look and its word may pass those that were accepted a
/// moment before; never more of them than there was room.
final class DirectAdmission: Sendable {
    private struct State {
        var room = 0
        /// What was opened last: half of it gone, the dispatcher looks again.
        var opened = 0
        /// Places taken by acceptances that have not ended.
        var underWay = 0
        /// Admitted since the dispatcher asked last.
        var admitted = 0
        var filled: Set<TaskQueue> = []
    }

    private let state = Mutex(State())

    /// Places that may be tasks on their way to their queues, or may come back.
    var underWay: Int { state.withLock { $0.underWay } }

    /// Takes up to `count` places, and says how many. Each caller tells `used` what became of them.
    func take(upTo count: Int) -> Int {
        state.withLock { state in
            let taken = min(state.room, count)
            state.room -= taken
            state.underWay += taken
            return taken
        }
    }

    /// What became of the places: tasks on their way to these queues, and places that nobody needed.
    ///
    /// - Returns: whether the dispatcher should look how much room there really is.
    func used(_ tasks: Int, in queues: some Sequence<TaskQueue>, unused: Int) -> Bool {
        state.withLock { state in
            state.underWay -= tasks + unused
            state.admitted += tasks
            state.filled.formUnion(queues)
            state.room = min(state.opened, state.room + unused)
            return state.room * 2 <= state.opened
        }
    }

    /// What was admitted since the last time.
    func collect() -> (count: Int, queues: Set<TaskQueue>) {
        state.withLock { state in
            defer {
                state.admitted = 0
                state.filled.removeAll()
            }
            return (state.admitted, state.filled)
        }
    }

    /// Nothing waits, and the queues take `room` tasks more, not counting those admitted since `collect()` and those under way.
    func open(room: Int) {
        state.withLock { state in
            state.opened = max(0, room - state.admitted - state.underWay)
            state.room = state.opened
        }
    }

    /// Something waits, or nobody knows.
    func close() {
        state.withLock { state in
            state.room = 0
            state.opened = 0
        }
    }
}
