import Logging
import ServiceLifecycle
import UnixSignals

/// How the servers run.
enum Servers {
    /// Runs services until SIGTERM or SIGINT; each one needs only those before it, and is stopped before them.
    static func run(_ services: [any Service], _ logger: Logger) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}
