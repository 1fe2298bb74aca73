import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(1)))
struct MachineTests {
    private typealias Machine = PoolMachine<Int, String>
    private let now = ContinuousClock.now

    /// Actions as text, to compare them without spelling out each case.
    private func text(_ action: Any) -> String { "\(action)" }

    /// The event's answer: `#expect` cannot hold a mutating call by itself.
    private func answer<Value>(_ value: Value) -> Value { value }

    @Test func handsConnectionsToTheFirstWaiter() {
        var machine = Machine(size: 1, maxWaiters: 2)
        let none = machine.takeIdle()
        #expect(none == nil)
        #expect(text(machine.acquire(id: 1, deadline: now, waiter: "a")) == "wait(mustConnect: true)")
        #expect(text(machine.acquire(id: 2, deadline: now, waiter: "b")) == "wait(mustConnect: false)")
        #expect(text(machine.acquire(id: 3, deadline: now, waiter: "c")).contains("tooManyWaiters"))
        #expect(text(machine.connected(7)) == #"hand(7, to: "a")"#)
        #expect(text(machine.released(7)) == #"hand(7, to: "b")"#)
        #expect(text(machine.released(7)) == "keep")
        #expect(answer(machine.takeIdle()) == 7)
        #expect(machine.leased == 1)
    }

    @Test func aLostConnectionIsReplacedForWaiters() {
        var machine = Machine(size: 1, maxWaiters: 2)
        _ = machine.acquire(id: 1, deadline: now, waiter: "a")
        _ = machine.connected(7)
        _ = machine.acquire(id: 2, deadline: now, waiter: "b")
        #expect(!answer(machine.beginConnect()))
        machine.lost()
        #expect(answer(machine.beginConnect()))
        #expect(!answer(machine.beginConnect()))
        #expect(text(machine.connectFailed(isPermanent: false)) == "retry")
        #expect(text(machine.connected(8)) == #"hand(8, to: "b")"#)
    }

    @Test func failuresEndAttemptsThatNobodyWaitsFor() {
        var machine = Machine(size: 2, maxWaiters: 4)
        _ = machine.acquire(id: 1, deadline: now, waiter: "a")
        _ = machine.acquire(id: 2, deadline: now, waiter: "b")
        #expect(machine.connecting == 2)
        #expect(text(machine.connectFailed(isPermanent: false)) == "stop(failing: [])")
        #expect(text(machine.connectFailed(isPermanent: false)) == "retry")
        #expect(answer(machine.cancel(id: 1)) == "a")
        #expect(answer(machine.cancel(id: 1)) == nil)
        #expect(text(machine.connectFailed(isPermanent: true)) == #"stop(failing: ["b"])"#)
        #expect(machine.total == 0)
    }

    @Test func whoComesLateStandsWhereItsTurnIs() {
        var machine = Machine(size: 1, maxWaiters: 4)
        for (id, waiter) in [(2, "b"), (1, "a"), (4, "d"), (3, "c")] as [(UInt64, String)] {
            _ = machine.acquire(id: id, deadline: now, waiter: waiter)
        }
        #expect(answer(machine.cancel(id: 2)) == "b" && answer(machine.cancel(id: 4)) == "d")
        #expect(text(machine.connected(7)) == #"hand(7, to: "a")"#)
        #expect(text(machine.released(7)) == #"hand(7, to: "c")"#)
    }

    @Test func deadlinesPassInOrder() {
        var machine = Machine(size: 1, maxWaiters: 4)
        _ = machine.acquire(id: 1, deadline: now + .seconds(1), waiter: "a")
        _ = machine.acquire(id: 2, deadline: now + .seconds(2), waiter: "b")
        #expect(answer(machine.expire(at: now)) == [])
        #expect(answer(machine.expire(at: now + .seconds(1))) == ["a"])
        #expect(machine.nextDeadline == now + .seconds(2))
    }

    @Test func closingWaitsForLeases() {
        var machine = Machine(size: 2, maxWaiters: 4)
        _ = machine.acquire(id: 1, deadline: now, waiter: "a")
        _ = machine.connected(7)
        _ = machine.acquire(id: 2, deadline: now, waiter: "b")
        let closed = machine.close()
        #expect(closed.waiters == ["b"])
        #expect(text(machine.acquire(id: 3, deadline: now, waiter: "c")).contains("closed"))
        #expect(text(machine.connected(8)) == "discard")
        #expect(!machine.isDrained)
        #expect(text(machine.released(7)) == "discard")
        #expect(machine.isDrained)
    }

    @Test func statementsAreReplacedByLeastRecentUse() {
        func key(_ sql: String) -> StatementCache.Key { StatementCache.Key(sql: sql, types: []) }
        var cache = StatementCache(capacity: 2)
        #expect(answer(cache.find(key("a"))) == .new(name: "s1"))
        #expect(answer(cache.find(key("b"))) == .new(name: "s2"))
        #expect(answer(cache.find(key("a"))) == .prepared(name: "s1"))
        #expect(answer(cache.find(key("c"))) == .new(name: "s4"))
        #expect(cache.obsolete == ["s2"])
        cache.deallocated("s2")
        cache.forget(key("c"))
        cache.discardAll()
        #expect(cache.obsolete == ["s1"])
        #expect(answer(cache.find(key("a"))) == .new(name: "s5"))
    }

    @Test func backoffDoublesUpToItsLimit() {
        var backoff = Backoff(base: .milliseconds(50), limit: .milliseconds(300))
        #expect(
            (0..<4).map { _ in backoff.next(random: 1) } == [.milliseconds(50), .milliseconds(100), .milliseconds(200), .milliseconds(300)])
        #expect(answer(backoff.next(random: 0)) == .zero)
    }

    @Test func retryabilityFollowsCodeAndState() {
        func server(_ state: String) -> Bool {
            var error = PostgresError(.server, "")
            error.sqlState = state
            return error.isRetryable
        }
        for state in ["40001", "40P01", "57P01", "57P02", "57P03", "53300", "53100", "08006", "55P03", "25006"] { #expect(server(state)) }
        for state in ["23505", "42601", "22P02", "25P02", "57014", "28P01", "3D000"] { #expect(!server(state)) }
        #expect(PostgresError(.connectionLost, "").isRetryable)
        #expect(!PostgresError(.cancelled, "").isRetryable)
    }

    @Test func onlyAnAnswerThatNeverCameLeavesTheOutcomeOpen() {
        let open = PostgresError.Code.allCases.filter { PostgresError($0, "").leavesOutcomeOpen }
        #expect(open == [.connectionLost, .timedOut, .protocolViolation])
        for (code, sqlState) in [(PostgresError.Code.timedOut, "57014"), (.connectionLost, "57P01")] {
            var ended = PostgresError(code, "")
            ended.sqlState = sqlState
            #expect(!ended.leavesOutcomeOpen)
        }
    }
}
