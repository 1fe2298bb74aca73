/// What can go wrong. The raw value is how schedules and logs name it.
enum ChaosFault: String, Sendable, CaseIterable {
    /// kill -9, and a successor some time later.
    case killWorker, killGateway
    /// SIGSTOP, and SIGCONT some time later: of a worker perhaps later than its lease.
    case freezeWorker, freezeGateway
    /// SIGTERM, and a successor when it has left.
    case drainWorker, drainGateway
    /// An orderly stop, kill -9, and kill -9 with all messages and queues gone.
    case restartBroker, killBroker, wipeBroker
    /// PostgreSQL's "fast" and "immediate" shutdown, and kill -9.
    case stopDatabase, cutDatabase, killDatabase
    /// Connections are refused, and what was under way is lost.
    case killEngine
    /// Answers take seconds, half of them are 500, all are 429, or a third break off.
    case slowEngine, failEngine, busyEngine, breakEngine

    var targets: [ChaosTarget] {
        switch self {
        case .killWorker, .freezeWorker, .drainWorker: ChaosTarget.workers
        case .killGateway, .freezeGateway, .drainGateway: ChaosTarget.gateways
        case .restartBroker, .killBroker, .wipeBroker: [.broker]
        case .stopDatabase, .cutDatabase, .killDatabase: [.database]
        case .killEngine, .slowEngine, .failEngine, .busyEngine, .breakEngine: [.engine]
        }
    }

    /// How many cards of a deck it has.
    var weight: Int {
        switch self {
        case .killWorker: 4
        case .freezeWorker, .killGateway: 3
        case .drainWorker, .freezeGateway, .killDatabase, .killEngine: 2
        case .drainGateway, .restartBroker, .killBroker, .wipeBroker, .stopDatabase, .cutDatabase, .slowEngine, .failEngine, .busyEngine,
            .breakEngine:
            1
        }
    }

    /// How long it lasts, in milliseconds; the time that its target needs to come back is added to it.
    var milliseconds: ClosedRange<Int> {
        switch self {
        case .killWorker, .killGateway, .drainWorker, .drainGateway: 100...3_000
        case .freezeWorker: 300...10_000
        case .freezeGateway: 300...6_000
        case .restartBroker, .killBroker, .wipeBroker: 100...3_000
        case .stopDatabase, .cutDatabase, .killDatabase: 100...5_000
        case .killEngine: 100...4_000
        case .slowEngine, .failEngine, .busyEngine, .breakEngine: 2_000...6_000
        }
    }

    /// For how long its target is left alone afterwards: it is coming back.
    var recovery: Duration {
        switch targets.first {
        case .broker: .seconds(8)
        case .database: .seconds(3)
        default: .seconds(1)
        }
    }

    /// What the simulated engine is told, where that is all.
    var order: String? {
        switch self {
        case .slowEngine: "latency=3s"
        case .failEngine: "share=0.5;status=500"
        case .busyEngine: "status=429;retry-after=1"
        case .breakEngine: "share=0.3;cut"
        default: nil
        }
    }
}
