import Logging

/// What a `ConnectionKeeper` keeps connected.
protocol ConnectionSession: Actor {
    /// One entry an incident since `connect`; never more than a few.
    nonisolated var incidents: AsyncStream<ConnectionIncident> { get }
    /// Opens the connection and makes everything ready. Leaves nothing behind when it throws.
    func connect(to endpoint: AMQPConfiguration.Endpoint) async throws(AMQPError)
    /// Makes ready again what `incidents` told was damaged.
    func repair() async throws(AMQPError)
    /// Cuts the connection after an error.
    func drop(_ error: AMQPError)
}

/// Connects a session, connects it again when the connection is lost, repairs it when damaged; until its task is cancelled.
///
/// Failures in quick succession, of whatever kind, spread out by the backoff; calm for as long as its limit resets it.
struct ConnectionKeeper<Session: ConnectionSession> {
    let session: Session
    let configuration: AMQPConfiguration
    let board: ConnectionBoard
    let logger: Logger

    func run() async {
        var backoff = configuration.backoff
        var random = SystemRandomNumberGenerator()
        var attempt = Int.random(in: 0..<max(1, configuration.endpoints.count), using: &random)
        var incidents = session.incidents.makeAsyncIterator()
        while !Task.isCancelled, !configuration.endpoints.isEmpty {
            let endpoint = configuration.endpoints[attempt % configuration.endpoints.count]
            attempt += 1
            var pause = Duration.zero
            do throws(AMQPError) {
                try await session.connect(to: endpoint)
                if configuration.endpoints.count > 1 { pause = configuration.electionPause }
                logger.info("connected to the broker", metadata: ["amqp.host": "\(endpoint.host)", "amqp.port": "\(endpoint.port)"])
                try await keep(&incidents, &backoff, &random)
            } catch {
                board.post(.disconnected(error))
                await session.drop(error)
                logger.error("no connection to the broker", metadata: Self.metadata(error))
                try? await Task.sleep(for: pause + backoff.failed(using: &random))
            }
        }
    }

    /// Returns when cancelled; throws when the connection is lost or beyond repair.
    private func keep(
        _ incidents: inout AsyncStream<ConnectionIncident>.Iterator, _ backoff: inout ReconnectBackoff,
        _ random: inout SystemRandomNumberGenerator
    ) async throws(AMQPError) {
        var calmSince = ContinuousClock.now
        while let incident = await incidents.next(isolation: nil) {
            if .now - calmSince > backoff.limit { backoff.succeeded() }
            calmSince = .now
            switch incident {
            case .lost(let error):
                throw error
            case .damaged(let error):
                logger.warning("a channel to the broker is set up again", metadata: Self.metadata(error))
                try? await Task.sleep(for: backoff.failed(using: &random))
                try await session.repair()
            }
        }
    }

    private static func metadata(_ error: AMQPError) -> Logger.Metadata {
        ["error": "\(error)", "error.code": "\(error.shortDescription)"]
    }
}
