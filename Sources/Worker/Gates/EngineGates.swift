import Domain
import Engines
import FoundationEssentials
import Logging
import Store
import Synchronization

/// The gates of all engines: every call passes one. The machines decide (``EngineGate``); this asks the database for them, lets calls wait,
/// and tells the fleet what this worker has learned of an engine.
final class EngineGates: Sendable {
    private struct State: ~Copyable {
        var gates: [String: EngineGate] = [:]
        var waiters: [UInt64: CheckedContinuation<EngineGate.Release, Never>] = [:]
        /// What was decided before its waiter stood there.
        var early: [UInt64: EngineGate.Release] = [:]
        var lastTicket: UInt64 = 0
    }

    /// A worker that is too busy to use its slots in time hands the call back in the end.
    private static let slotsForACall = 4

    private let store: Store
    private let logger: Logger
    /// Who this worker is at this moment.
    private let identity: @Sendable () -> UUID?
    private let state = Mutex(State())
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    init(store: Store, logger: Logger, identity: @escaping @Sendable () -> UUID?) {
        self.store = store
        self.logger = logger
        self.identity = identity
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Makes the call when the engine's gate lets it pass; an error of kind `held` where that is not soon.
    ///
    /// - Parameters:
    ///   - tokens: what the call is expected to cost; asked for only where the engine counts tokens.
    ///   - timeLeft: the time until nobody waits for the answer any more.
    func pass(
        _ engine: Engine, tokens: () -> Int, timeLeft: Duration?, _ call: () async throws(EngineError) -> EngineAnswer
    ) async -> Result<EngineAnswer, EngineError> {
        let definition = engine.definition
        let limits = EngineGate.Limits(definition.limits)
        let pass: EngineGate.Pass
        do throws(EngineError) {
            pass = try await enter(
                definition.name, limits, probeLease: definition.limits.timeout,
                tokens: limits.rates.tokenInterval == nil ? 0 : tokens(), deadline: timeLeft.map { .now + $0 })
        } catch {
            return .failure(error)
        }
        let result: Result<EngineAnswer, EngineError>
        do throws(EngineError) {
            result = .success(try await call())
        } catch {
            result = .failure(error)
        }
        leave(definition.name, pass, CallVerdict(result, slowness: definition.limits.timeout * 0.75), tokens: result.tokensUsed)
        return result
    }

    /// Whether the engine is known to take no calls now.
    func isClosed(_ engine: String) -> Bool { state.withLock { $0.gates[engine]?.closedHold(at: .now) != nil } }

    private func enter(
        _ engine: String, _ limits: EngineGate.Limits, probeLease: Duration, tokens: Int, deadline: ContinuousClock.Instant?
    ) async throws(EngineError) -> EngineGate.Pass {
        for _ in 0..<Self.slotsForACall {
            let (entrance, ticket) = state.withLock { state in
                state.lastTicket += 1
                let ticket = state.lastTicket
                let (releases, entrance) = Self.change(&state.gates[engine, default: EngineGate(engine: engine)]) { gate in
                    (gate.update(limits, probeLease: probeLease), gate.enter(ticket, tokens: tokens, at: .now))
                }
                Self.resume(releases, &state)
                return (entrance, ticket)
            }
            switch entrance {
            case .pass(let pass): return pass
            case .held(let hold): throw hold.error
            case .wait: break
            }
            switch await wait(engine, ticket) {
            case .held(_, let hold): throw hold.error
            case .pass(_, let pass, let time):
                if let time { try? await Task.sleep(until: time.earliest, clock: .continuous) }
                if try begin(engine, pass, time, deadline: deadline) { return pass }
            }
        }
        throw GateHold(engine: engine, .usedUp, after: EngineGate.patience).error
    }

    /// False where the slot's time was over: another one is needed.
    private func begin(
        _ engine: String, _ pass: EngineGate.Pass, _ time: EngineGate.SlotTime?, deadline: ContinuousClock.Instant?
    ) throws(EngineError) -> Bool {
        if Task.isCancelled || deadline.map({ $0 <= .now }) ?? false {
            leave(engine, pass, .stopped, tokens: 0)
            throw GateHold(engine: engine, Task.isCancelled ? .stopped : .usedUp, after: .zero).error
        }
        guard time != nil || pass.isProbe else { return true }
        let beginning = state.withLock { $0.gates[engine]?.begin(pass, time: time, at: .now) } ?? .begin
        if beginning != .begin { wake() }
        switch beginning {
        case .begin: return true
        case .tooLate: return false
        case .held(let hold): throw hold.error
        }
    }

    /// Ends when the machine has decided about the ticket, at once where the task is cancelled.
    private func wait(_ engine: String, _ ticket: UInt64) async -> EngineGate.Release {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = state.withLock { state in
                    let early = state.early.removeValue(forKey: ticket)
                    if early == nil { state.waiters[ticket] = continuation }
                    return early
                }
                if let early { continuation.resume(returning: early) } else if Task.isCancelled { cancel(engine, ticket) }
                wake()
            }
        } onCancel: {
            cancel(engine, ticket)
        }
    }

    private func cancel(_ engine: String, _ ticket: UInt64) {
        let waiter = state.withLock { state in
            let waiter = state.waiters.removeValue(forKey: ticket)
            if waiter != nil { state.gates[engine]?.withdraw(ticket) }
            return waiter
        }
        waiter?.resume(returning: .held(ticket: ticket, GateHold(engine: engine, .stopped, after: .zero)))
    }

    private func leave(_ engine: String, _ pass: EngineGate.Pass, _ verdict: CallVerdict, tokens: Int?) {
        let isBusy = state.withLock { state in
            let releases = state.gates[engine]?.end(pass, verdict, tokens: tokens, at: .now) ?? []
            Self.resume(releases, &state)
            return state.gates[engine]?.isQuiet == false
        }
        if isBusy { wake() }
    }

    /// Under the lock: resuming only queues the task.
    private static func resume(_ releases: [EngineGate.Release], _ state: inout State) {
        for release in releases {
            if let waiter = state.waiters.removeValue(forKey: release.ticket) {
                waiter.resume(returning: release)
            } else {
                state.early[release.ticket] = release
            }
        }
    }

    private static func change<Value>(_ gate: inout EngineGate, _ event: (inout EngineGate) -> Value) -> Value { event(&gate) }
}

/// What goes on between the gates and the database.
extension EngineGates {
    func wake() { wakeUp.yield() }

    /// Asks and tells what is due, until the task is cancelled.
    func run() async {
        var alarm: Task<Void, Never>?
        await withDiscardingTaskGroup { group in
            for await _ in wakeUps {
                let (orders, next) = due()
                for (engine, order) in orders {
                    group.addTask {
                        await self.perform(order, engine)
                        self.wake()
                    }
                }
                alarm?.cancel()
                alarm = next.map(ring)
            }
        }
        alarm?.cancel()
    }

    /// Unstructured, because news may come first and end the wait.
    private func ring(at instant: ContinuousClock.Instant) -> Task<Void, Never> {
        Task {
            try? await Task.sleep(until: instant, clock: .continuous)
            if !Task.isCancelled { wake() }
        }
    }

    private func due() -> (orders: [(String, GateOrder)], next: ContinuousClock.Instant?) {
        let (worker, now) = (identity(), ContinuousClock.now)
        return state.withLock { state in
            var orders: [(String, GateOrder)] = []
            var next: ContinuousClock.Instant?
            for name in state.gates.keys {
                guard var gate = state.gates[name], !gate.isQuiet else { continue }
                let releases = gate.handBack(at: now)
                if let order = gate.order(at: now, worker: worker) { orders.append((name, order)) }
                if let alarm = gate.alarm { next = min(next ?? alarm, alarm) }
                state.gates[name] = gate
                Self.resume(releases, &state)
            }
            return (orders, next.map { max($0, now + .milliseconds(1)) })
        }
    }

    private func perform(_ order: GateOrder, _ engine: String) async {
        switch order {
        case .take(let request, let tickets):
            let sentAt = ContinuousClock.now
            do {
                let answer = try await store.takeSlots(request)
                change(engine) { $0.answered(answer, to: request, tickets: tickets, sentAt: sentAt, at: .now) }
            } catch {
                logger.warning("an engine's gate could not be asked", metadata: ["engine": "\(engine)", "error": "\(error)"])
                change(engine) { $0.failed(request, at: .now) }
            }
        case .tell(let news):
            do {
                let closedFor = try await tell(news, engine)
                change(engine) { $0.told(news, closedFor: closedFor, at: .now) }
            } catch {
                logger.warning("an engine's gate could not be changed", metadata: ["engine": "\(engine)", "error": "\(error)"])
                change(engine) { gate in
                    gate.failedToTell(at: .now)
                    return []
                }
            }
        }
    }

    private func tell(_ news: GateNews, _ engine: String) async throws -> Double? {
        guard let worker = identity() else { return nil }
        switch news {
        case .open:
            logger.notice("an engine answers again: its gate opens", metadata: ["engine": "\(engine)"])
            try await store.openGate(engine, workerID: worker)
        case .gaveUpProbe: try await store.giveUpProbe(engine, workerID: worker)
        case .close(let reason, let message, let pause, let wasProbe):
            let closedFor = try await store.closeGate(
                engine, workerID: worker, wasProbe: wasProbe, pause: pause, base: reason.firstPause, reason: reason, message: message)
            logger.notice(
                "an engine's gate is closed",
                metadata: ["engine": "\(engine)", "reason": "\(reason.rawValue)", "seconds": "\(closedFor ?? 0)"])
            return closedFor
        }
        return nil
    }

    private func change(_ engine: String, _ event: (inout EngineGate) -> [EngineGate.Release]) {
        state.withLock { state in
            let releases = Self.change(&state.gates[engine, default: EngineGate(engine: engine)], event)
            Self.resume(releases, &state)
        }
    }

    /// Reads which gates are closed: at the start, when it is told, and now and then.
    func refresh() async {
        do {
            let closed = try await store.closedGates()
            let now = ContinuousClock.now
            let closures = Dictionary(
                closed.map { gate in
                    let until = now + .seconds(min(max(gate.closedFor, 0), 86_400))
                    return (gate.engine, EngineGate.Closure(reason: gate.reason, message: gate.message, until: until))
                }, uniquingKeysWith: { first, _ in first })
            state.withLock { state in
                for name in Set(closures.keys).union(state.gates.keys) {
                    var gate = state.gates[name] ?? EngineGate(engine: name)
                    let releases = gate.heard(closures[name], at: now)
                    state.gates[name] = gate
                    Self.resume(releases, &state)
                }
            }
            wake()
        } catch {
            logger.warning("the engines' gates could not be read", metadata: ["error": "\(error)"])
        }
    }
}

extension EngineGate.Release {
    var ticket: UInt64 {
        switch self {
        case .pass(let ticket, _, _), .held(let ticket, _): ticket
        }
    }
}

extension EngineGate.Limits {
    init(_ limits: EngineLimits) {
        self.init(
            concurrency: limits.concurrency,
            rates: SlotRates(requestsPerMinute: limits.requestsPerMinute, tokensPerMinute: limits.tokensPerMinute))
    }
}
