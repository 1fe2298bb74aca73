import Foundation
import HTTPTypes
import NIOURLSession
import Synchronization

@testable import Operations

/// Lets a schedule happen to a system, and brings everything back.
struct ChaosInjector: Sendable {
    let system: ChaosFleet
    let schedule: ChaosSchedule
    private let log: ChaosLog
    private let struck = StruckTargets()

    init(system: ChaosFleet, schedule: ChaosSchedule) {
        self.system = system
        self.schedule = schedule
        log = system.log
    }

    /// Faults that have struck.
    var count: Int { struck.count }

    /// Returns when the last fault is over.
    /// - Throws: what keeps a server or process from being started again.
    func run() async throws {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup { group in
            for event in schedule.events {
                try await Task.sleep(until: start + event.start, clock: .continuous)
                group.addTask { try await strike(event) }
            }
            try await group.waitForAll()
        }
    }

    /// A target that needs longer to come back than planned is left alone.
    private func strike(_ event: ChaosSchedule.Event) async throws {
        guard struck.begin(event.target) else { return log.add("\(event) is left out: \(event.target) is not back yet") }
        defer { struck.end(event.target) }
        log.add("\(event.fault.rawValue) of \(event.target) begins")
        try await begin(event)
        log.add("\(event.fault.rawValue) of \(event.target) lasts for \(ChaosLog.seconds(event.lasting))")
        try await Task.sleep(for: event.lasting)
        try await end(event)
        log.add("\(event.fault.rawValue) of \(event.target) is over")
    }

    private func begin(_ event: ChaosSchedule.Event) async throws {
        let fleet = system.fleet
        switch event.fault {
        case .killWorker, .killGateway, .killEngine: await system.kill(event.target)
        case .freezeWorker, .freezeGateway: await system.signal(event.target, SIGSTOP)
        case .drainWorker, .drainGateway: try await system.drain(event.target)
        case .restartBroker: await fleet.rabbitMQ.stop()
        case .killBroker: await fleet.rabbitMQ.kill()
        case .wipeBroker:
            await fleet.rabbitMQ.kill()
            try await fleet.rabbitMQ.wipe()
        case .stopDatabase: await fleet.postgres.stop()
        case .cutDatabase:
            await fleet.postgres.kill(SIGQUIT)
            _ = await fleet.postgres.exit()
        case .killDatabase: await fleet.postgres.kill()
        case .slowEngine, .failEngine, .busyEngine, .breakEngine: try await order(.put, event.fault.order)
        }
    }

    private func end(_ event: ChaosSchedule.Event) async throws {
        switch event.fault {
        case .killWorker, .killGateway, .killEngine, .drainWorker, .drainGateway: try await system.launch(event.target)
        case .freezeWorker, .freezeGateway: await system.signal(event.target, SIGCONT)
        case .restartBroker, .killBroker, .wipeBroker: try await system.fleet.rabbitMQ.start()
        case .stopDatabase, .cutDatabase, .killDatabase: try await system.fleet.postgres.start()
        case .slowEngine, .failEngine, .busyEngine, .breakEngine: try await order(.delete, nil)
        }
    }

    private func order(_ method: HTTPRequest.Method, _ command: String?) async throws {
        let request = HTTPRequest(method: method, scheme: "http", authority: "127.0.0.1:\(system.fleet.enginePort)", path: "/order")
        // An engine that was just started again may not listen yet.
        let isHeard = try await waitUntil(within: .seconds(20), every: .milliseconds(50)) {
            let answer = try? await system.fleet.session.upload(for: request, from: Array((command ?? "").utf8))
            return answer?.response.status.code == 204
        }
        guard isHeard else { throw OperationsError(.notReady, "the engine takes no orders") }
    }
}

/// The targets that a fault has not let go yet, and how many faults there were.
private final class StruckTargets: Sendable {
    private let state = Mutex<(targets: Set<ChaosTarget>, count: Int)>(([], 0))

    var count: Int { state.withLock { $0.count } }

    func begin(_ target: ChaosTarget) -> Bool {
        state.withLock { state in
            guard state.targets.insert(target).inserted else { return false }
            state.count += 1
            return true
        }
    }

    func end(_ target: ChaosTarget) {
        _ = state.withLock { $0.targets.remove(target) }
    }
}
