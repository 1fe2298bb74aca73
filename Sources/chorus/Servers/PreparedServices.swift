import Logging
import ServiceLifecycle

/// Services that run once what they need has been made sure of. As a service itself, it is told to stop while it still waits for that.
struct PreparedServices: Service {
    let services: [any Service]
    let logger: Logger
    let prepare: @Sendable () async throws -> Void

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown(prepare)
        } catch {
            if Task.isShuttingDownGracefully { return }
            throw error
        }
        if Task.isShuttingDownGracefully { return }
        try await ServiceGroup(services: services, logger: logger).run()
    }
}
