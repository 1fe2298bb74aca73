import Domain
import Engines
import FoundationEssentials
import Logging
import Store
import Synchronization

/// The gates of all engines: every call passes one. The machines decide (``EngineGate``); this asks the database for them, lets calls wait,
/// and tells the fleet what this worker has learned of an engine.
final class EngineGates: Sendable {
    struct State: ~Copyable {
        var gates: [String: EngineGate] = [:]
        var waiters: [UInt64: CheckedContinuation<EngineGate.Release, Never>] = [:]
        /// What was decided before its waiter stood there.
        var early: [UInt64: EngineGate.Release] = [:]
        var lastTicket: UInt64 = 0
    }

    /// A worker that is too busy to use its slots in time hands the call back in the end.
    private static let slotsForACall = 4

    let store: Store
    let logger: Logger
    /// Who this worker is at this moment.
    let identity: @Sendable () -> UUID?
    let state = Mutex(State())
    let wakeUps: AsyncStream<Void>
    let wakeUp: AsyncStream<Void>.Continuation

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
    ///   - hasChoice: whether its task may be done by another engine.
    ///   - timeLeft: the time until nobody waits for the answer any more.
    func pass(
        _ engine: Engine, tokens: () -> Int, hasChoice: Bool, timeLeft: Duration?, _ call: () async throws(EngineError) -> EngineAnswer
    ) async -> Result<EngineAnswer, EngineError> {
        let definition = engine.definition
        let limits = EngineGate.Limits(definition.limits)
        let pass: EngineGate.Pass
        do throws(EngineError) {
            pass = try await enter(
                definition.name, limits, probeLease: definition.limits.timeout,
                tokens: limits.rates.tokenInterval == nil ? 0 : tokens(), hasChoice: hasChoice, deadline: timeLeft.map { .now + $0 })
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
        _ engine: String, _ limits: EngineGate.Limits, probeLease: Duration, tokens: Int, hasChoice: Bool,
        deadline: ContinuousClock.Instant?
    ) async throws(EngineError) -> EngineGate.Pass {
        for _ in 0..<Self.slotsForACall {
            let (entrance, ticket) = state.withLock { state in
                state.lastTicket += 1
                let ticket = state.lastTicket
                let (releases, entrance) = Self.change(&state.gates[engine, default: EngineGate(engine: engine)]) { gate in
                    (gate.update(limits, probeLease: probeLease), gate.enter(ticket, tokens: tokens, hasChoice: hasChoice, at: .now))
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
        guard let waiter else { return }
        waiter.resume(returning: .held(ticket: ticket, GateHold(engine: engine, .stopped, after: .zero)))
        wake()
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
    static func resume(_ releases: [EngineGate.Release], _ state: inout State) {
        for release in releases {
            if let waiter = state.waiters.removeValue(forKey: release.ticket) {
                waiter.resume(returning: release)
            } else {
                state.early[release.ticket] = release
            }
        }
    }

    static func change<Value>(_ gate: inout EngineGate, _ event: (inout EngineGate) -> Value) -> Value { event(&gate) }
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
