public import ServiceLifecycle
import UnixSignals

/// A service whose service manager hears when it is ready, how it does, and that its work goes on; and, while it drains, that it needs more
/// time. SIGHUP makes it read its configuration anew, with or without a manager.
public struct SupervisedService: Service {
    private let base: any Service
    private let manager: ServiceManager?
    private let health: any SupervisedHealth
    private let reload: @Sendable () async -> Void
    /// Between two lines of status where no watchdog asks for more.
    private let pace: Duration

    public init(
        _ base: any Service, health: any SupervisedHealth, manager: ServiceManager? = ServiceManager(), pace: Duration = .seconds(10),
        reload: @escaping @Sendable () async -> Void
    ) {
        self.base = base
        self.health = health
        self.reload = reload
        self.manager = manager
        self.pace = manager?.watchdogTimeout.map { min(pace, $0 / 3) } ?? pace
    }

    public func run() async throws {
        // From the first moment on, as the signal ends a process that does not expect it.
        let signals = await UnixSignalsSequence(trapping: .sighup)
        try await withThrowingTaskGroup { group in
            if let manager { group.addTask { await supervise(manager) } }
            group.addTask { await heed(signals) }
            defer { group.cancelAll() }
            try await base.run()
        }
    }

    /// Reloads when it is told to, once the service is ready and until it ends.
    private func heed(_ signals: UnixSignalsSequence) async {
        await health.waitUntilReady()
        for await _ in signals where !Task.isShuttingDownGracefully {
            manager?.tell(.reloading)
            await reload()
            manager?.tell(.ready, .status(health.status))
        }
    }

    private func supervise(_ manager: ServiceManager) async {
        await cancelWhenGracefulShutdown {
            await health.waitUntilReady()
            if Task.isCancelled { return }
            manager.tell(.ready, .status(health.status))
            while !Task.isCancelled {
                await report(to: manager)
                try? await Task.sleep(for: pace)
            }
        }
        if Task.isShuttingDownGracefully { manager.tell(.stopping) }
        while !Task.isCancelled {
            // However long the drain may be by its own configuration, the manager waits as long as it is alive.
            manager.tell(.extendTimeout(pace * 3))
            await report(to: manager)
            try? await Task.sleep(for: pace)
        }
    }

    private func report(to manager: ServiceManager) async {
        // What hangs here is what the watchdog is for.
        if await health.isAlive() {
            manager.tell(.watchdog, .status(health.status))
        } else {
            manager.tell(.status("stuck: \(health.status)"))
        }
    }
}

/// What a service says of itself to its service manager.
public protocol SupervisedHealth: Sendable {
    /// Returns when the service takes work, or the caller is cancelled.
    func waitUntilReady() async
    /// Whether the loop that does the work goes round. May hang where the service does.
    func isAlive() async -> Bool
    /// A line for people.
    var status: String { get }
}
