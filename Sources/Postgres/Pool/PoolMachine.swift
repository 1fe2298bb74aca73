import DequeModule

/// Decides who gets which connection: pure, without locks, clocks or sockets.
///
/// A connection is connecting, idle or leased; together they never exceed `size`. Callers who find none wait in a queue, first come,
/// first served. Once closed, nothing is handed out any more.
struct PoolMachine<Connection, Waiter> {
    enum Refusal: Equatable {
        case closed
        case tooManyWaiters
    }

    enum Acquisition {
        case use(Connection)
        /// The waiter is in the queue; `mustConnect` asks for one more attempt to connect.
        case wait(mustConnect: Bool)
        case refuse(Refusal)
    }

    enum Placement {
        case hand(Connection, to: Waiter)
        case keep
        /// The pool is closed: so shall be the connection.
        case discard
    }

    enum FailedConnect {
        case retry
        case stop(failing: [Waiter])
    }

    struct Entry {
        var id: UInt64
        var deadline: ContinuousClock.Instant
        var waiter: Waiter
    }

    let size: Int
    let maxWaiters: Int
    private(set) var idle: [Connection] = []
    private(set) var leased = 0
    private(set) var connecting = 0
    private(set) var waiters: Deque<Entry> = []
    private(set) var isClosed = false
    /// How many callers had to wait, and how many got nothing: since the beginning.
    private(set) var waits = 0
    private(set) var refusals = 0

    init(size: Int, maxWaiters: Int) {
        self.size = max(1, size)
        self.maxWaiters = maxWaiters
    }

    var total: Int { idle.count + leased + connecting }
    var isDrained: Bool { isClosed && leased == 0 && connecting == 0 }

    /// An idle connection, the one used last: the others may rest. Idle connections exist only while nobody waits.
    mutating func takeIdle() -> Connection? {
        guard !isClosed, let connection = idle.popLast() else { return nil }
        leased += 1
        return connection
    }

    /// `id` says whose turn it is: callers that drew theirs at the same time may come here in another order.
    mutating func acquire(id: UInt64, deadline: ContinuousClock.Instant, waiter: Waiter) -> Acquisition {
        if isClosed { return .refuse(.closed) }
        if let connection = takeIdle() { return .use(connection) }
        guard waiters.count < maxWaiters else {
            refusals += 1
            return .refuse(.tooManyWaiters)
        }
        waits += 1
        let place = waiters.lastIndex { $0.id < id }.map { $0 + 1 } ?? 0
        waiters.insert(Entry(id: id, deadline: deadline, waiter: waiter), at: place)
        return .wait(mustConnect: beginConnect())
    }

    /// Whether one more connection is wanted and allowed; it then counts as connecting.
    mutating func beginConnect() -> Bool {
        guard !isClosed, total < size, connecting < waiters.count else { return false }
        connecting += 1
        return true
    }

    mutating func connected(_ connection: Connection) -> Placement {
        connecting -= 1
        return place(connection)
    }

    /// One attempt goes on as long as somebody waits; others give up. A failure that will not pass fails all who wait.
    mutating func connectFailed(isPermanent: Bool) -> FailedConnect {
        if !isPermanent, !isClosed, !waiters.isEmpty, connecting == 1 { return .retry }
        connecting -= 1
        return .stop(failing: isPermanent ? takeWaiters() : [])
    }

    mutating func released(_ connection: Connection) -> Placement {
        leased -= 1
        return place(connection)
    }

    /// A leased connection is gone.
    mutating func lost() {
        leased -= 1
    }

    private mutating func place(_ connection: Connection) -> Placement {
        if isClosed { return .discard }
        guard let entry = waiters.popFirst() else {
            idle.append(connection)
            return .keep
        }
        leased += 1
        return .hand(connection, to: entry.waiter)
    }

    /// Takes a waiter out of the queue; nil if it has been served or failed.
    mutating func cancel(id: UInt64) -> Waiter? {
        // The queue is in the order of ids.
        var low = 0
        var high = waiters.count
        while low < high {
            let middle = (low + high) / 2
            if waiters[middle].id < id { low = middle + 1 } else { high = middle }
        }
        guard low < waiters.count, waiters[low].id == id else { return nil }
        return waiters.remove(at: low).waiter
    }

    var nextDeadline: ContinuousClock.Instant? { waiters.first?.deadline }

    mutating func expire(at now: ContinuousClock.Instant) -> [Waiter] {
        var expired: [Waiter] = []
        while let first = waiters.first, first.deadline <= now {
            expired.append(first.waiter)
            waiters.removeFirst()
        }
        refusals += expired.count
        return expired
    }

    mutating func close() -> (idle: [Connection], waiters: [Waiter]) {
        isClosed = true
        defer { idle = [] }
        return (idle, takeWaiters())
    }

    private mutating func takeWaiters() -> [Waiter] {
        defer { waiters.removeAll() }
        return waiters.map(\.waiter)
    }
}

extension PoolMachine: Sendable where Connection: Sendable, Waiter: Sendable {}
extension PoolMachine.Entry: Sendable where Connection: Sendable, Waiter: Sendable {}
