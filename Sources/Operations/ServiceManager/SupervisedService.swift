public import ServiceLifecycle

/// A service whose service manager hears when it is ready, how it does, and that its work goes on; and, while it drains, that it needs more
/// time. Without a manager it is the service alone, at no cost.
public struct SupervisedService: Service {
    private let base: any Service
    private let manager: ServiceManager?
    private let health: any SupervisedHealth
    /// Between two lines of status where no watchdog asks for more.
    private let pace: Duration

    public init(
        _ base: any Service, health: any SupervisedHealth, manager: ServiceManager? = ServiceManager(), pace: Duration = .seconds(10)
    ) {
        self.base = base
        self.health = health
        self.manager = manager
        self.pace = manager?.watchdogTimeout.map { min(pace, $0 / 3) } ?? pace
    }

    public func run() async throws {
        guard let manager else { return try await base.run() }
        try await withThrowingTaskGroup { group in
            group.addTask { await supervise(manager) }
            defer { group.cancelAll() }
            try await base.run()
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
