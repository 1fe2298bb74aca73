import Logging
import Operations
import ServiceLifecycle
import UnixSignals

/// How the servers run.
enum Servers {
    /// Runs a server as one that the service manager, where there is one, watches over. SIGHUP calls `reload`.
    static func run(
        _ server: any Service, health: any SupervisedHealth, reload: @escaping @Sendable () async -> Void, _ logger: Logger
    ) async throws {
        try await run([SupervisedService(server, health: health, reload: reload)], logger)
    }

    /// Runs services until SIGTERM or SIGINT; each one needs only those before it, and is stopped before them.
    static func run(_ services: [any Service], _ logger: Logger) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}
