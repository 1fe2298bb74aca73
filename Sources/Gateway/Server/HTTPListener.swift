import Glibc
import HummingbirdCore
import Logging
import NIOCore
import NIOExtras
import NIOHTTPTypes
import NIOPosix
import NIOSSL
import NIOURLSession
import ServiceLifecycle
import Synchronization

/// Takes connections and speaks HTTP on them, at an address of its own or on a socket that the service manager keeps open while this process
/// starts anew.
///
/// It stands in the place of Hummingbird's own server, which can bind an address only, and uses its channels. The graceful shutdown stops
/// accepting, lets the requests in flight finish, and closes connections that wait for a next one (see ``ConnectionWatch``).
final class HTTPListener: Sendable {
    private typealias Connection = HTTP1Channel.Value

    /// What a connection that comes now is bound by; a reload replaces it.
    private struct Settings {
        var http: HTTP1Channel
        var maxConnections: Int
    }

    /// Connections that the kernel keeps until they are taken.
    private static let backlog: Int32 = 1_024

    private let configuration: GatewayConfiguration
    private let respond: HTTPChannelHandler.Responder
    private let addresses: ConnectionsByAddress
    private let settings: Mutex<Settings>
    private let logger: Logger

    init(_ configuration: GatewayConfiguration, logger: Logger, respond: @escaping HTTPChannelHandler.Responder) {
        self.configuration = configuration
        self.respond = respond
        self.logger = logger
        let addresses = ConnectionsByAddress(limit: configuration.connectionsPerAddress)
        self.addresses = addresses
        settings = Mutex(Self.settings(configuration, addresses, respond))
    }

    /// Bounds connections so from now on. Those that are open keep their times; where to listen and TLS stay what they are.
    func reload(_ configuration: GatewayConfiguration) {
        addresses.allow(configuration.connectionsPerAddress)
        settings.withLock { $0 = Self.settings(configuration, addresses, respond) }
    }

    /// Serves until the graceful shutdown.
    /// - Throws: where the address cannot be listened on.
    func serve(encryptedBy certificate: CertificateWatch?, onListening: @Sendable (Int) async -> Void) async throws {
        let encryption = try certificate.map { try NIOSSLContext(configuration: $0.configuration) }
        let quiescing = ServerQuiescingHelper(group: MultiThreadedEventLoopGroup.singleton)
        let connections = ConnectionQueue<Connection>()
        let server = try await listen(encryption, quiescing, connections)
        let end: @Sendable () -> Void = { Self.end(server, quiescing, connections) }
        server.closeFuture.whenComplete { _ in end() }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                if let port = server.localAddress?.port { await onListening(port) }
                await take(connections)
            } onGracefulShutdown: {
                end()
            }
        } onCancel: {
            end()
        }
    }

    /// Stops accepting, then tells the connections to end; closes the queue when the last one has.
    ///
    /// A connection that is being set up on its own thread when the server closes is dropped, and its request with it. So nothing is accepted
    /// any more while each thread finishes what it has begun; after that every connection is in the queue, and hears of the end.
    private static func end(_ server: any Channel, _ quiescing: ServerQuiescingHelper, _ connections: ConnectionQueue<Connection>) {
        server.setOption(.autoRead, value: false).whenComplete { _ in
            let threads = MultiThreadedEventLoopGroup.singleton.makeIterator().map { $0.submit {} }
            EventLoopFuture.whenAllComplete(threads, on: server.eventLoop).whenComplete { _ in
                let ended = server.eventLoop.makePromise(of: Void.self)
                ended.futureResult.whenComplete { _ in connections.close() }
                quiescing.initiateShutdown(promise: ended)
            }
        }
    }

    /// Returns when the queue is closed and the last connection has ended.
    private func take(_ connections: ConnectionQueue<Connection>) async {
        await withDiscardingTaskGroup { group in
            while let next = await connections.next() {
                let http = settings.withLock { $0.http }
                for connection in next {
                    // On the connection's own event loop: no request changes threads before it waits for something.
                    group.addTask(executorPreference: EventLoopTaskExecutor(connection.channel.eventLoop)) {
                        await http.handle(value: connection, logger: self.logger)
                    }
                }
            }
        }
    }

    private func listen(
        _ encryption: NIOSSLContext?, _ quiescing: ServerQuiescingHelper, _ connections: ConnectionQueue<Connection>
    ) async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let bound = ConnectionBound { self.settings.withLock { $0.maxConnections } }
                    try channel.pipeline.syncOperations.addHandler(AvailableConnectionsChannelHandler(delegate: bound))
                    try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let encryption { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: encryption)) }
                }.flatMap { self.settings.withLock { $0.http }.setup(channel: channel, logger: self.logger) }
                    .map { connections.add($0) }
            }
        guard let descriptor = configuration.passedSocket else {
            let server = try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
            logger.info("listening", metadata: ["address": "\(server.localAddress?.description ?? "")"])
            return server
        }
        let server = try await bootstrap.withBoundSocket(descriptor).get()
        // SwiftNIO cuts the queue of a socket that it takes over to 128: while no process accepts, as many clients wait here as may.
        Glibc.listen(descriptor, SOMAXCONN)
        logger.info("listening on the service manager's socket", metadata: ["address": "\(server.localAddress?.description ?? "")"])
        return server
    }

    private static func settings(
        _ configuration: GatewayConfiguration, _ addresses: ConnectionsByAddress, _ respond: @escaping HTTPChannelHandler.Responder
    ) -> Settings {
        let times = RequestTimes(configuration)
        let http = HTTP1Channel(
            responder: respond,
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [ConnectionWatch(limits: times, addresses: addresses)],
                idleTimeout: TimeAmount(configuration.idleTimeout),
                httpDecoderConfiguration: .init(maxHeaderFieldSize: configuration.headLimit, maxHeaderListSize: configuration.headLimit)))
        return Settings(http: http, maxConnections: configuration.maxConnections)
    }
}

/// How many connections there may be: more wait with the kernel.
private struct ConnectionBound: AvailableConnectionsDelegate {
    let limit: @Sendable () -> Int
    private var count = 0

    init(_ limit: @escaping @Sendable () -> Int) { self.limit = limit }

    mutating func connectionOpened() { count += 1 }
    mutating func connectionClosed() { count -= 1 }
    func isAcceptingNewConnections() -> Bool { count < limit() }
}
