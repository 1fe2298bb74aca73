import Domain
import Engines
import FoundationEssentials
import Logging
import Store
import Synchronization

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
