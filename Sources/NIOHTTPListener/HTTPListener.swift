import Glibc
public import HummingbirdCore
public import Logging
import NIOCore
import NIOExtras
import NIOHTTPTypes
import NIOPosix
public import NIOSSL
import NIOTaskExecutor
import ServiceLifecycle
import Synchronization

/// Takes connections and speaks HTTP on them, at an address of its own or on a socket that the service manager keeps open while this process
/// starts anew.
///
/// It stands in the place of Hummingbird's own server, which can bind an address only, and whose process ends where a connection comes at
/// the moment of its shutdown; it uses that server's channels. The graceful shutdown stops accepting, lets the requests in flight finish, and
/// closes connections that wait for a next one.
public final class HTTPListener: Sendable {
    typealias Connection = HTTP1Channel.Value

    public enum Address: Sendable {
        /// Port 0 takes a free one.
        case host(String, port: Int)
        /// A socket that listens already, whose descriptor is the listener's from now on.
        case socket(CInt)
    }

    /// What a connection that comes now is bound by; a reload replaces it.
    public struct Settings: Sendable {
        let http: HTTP1Channel
        /// How many there may be at once, or a few more: the rest waits with the kernel.
        let maxConnections: Int

        public init(http: HTTP1Channel, maxConnections: Int) {
            self.http = http
            self.maxConnections = maxConnections
        }
    }

    /// Connections that the kernel keeps until they are taken.
    private static let backlog: Int32 = 4_096

    private let address: Address
    private let runsOnEventLoops: Bool
    private let settings: Mutex<Settings>
    private let logger: Logger

    /// - Parameter runsOnEventLoops: whether requests are answered on their connection's event loop, so that none changes threads before it
    ///   waits for something. They must not block there, nor compute for long.
    public init(at address: Address, _ settings: Settings, runsOnEventLoops: Bool = false, logger: Logger) {
        self.address = address
        self.runsOnEventLoops = runsOnEventLoops
        self.settings = Mutex(settings)
        self.logger = logger
    }

    /// Bounds connections so from now on. Those that are open keep their times; where to listen stays what it is.
    public func reload(_ settings: Settings) { self.settings.withLock { $0 = settings } }

    /// Serves until the graceful shutdown.
    ///
    /// - Parameters:
    ///   - encryption: TLS for all connections.
    ///   - onListening: called with the port when connections are taken.
    /// - Throws: where the address cannot be listened on.
    public func serve(encryptedBy encryption: NIOSSLContext? = nil, onListening: @Sendable (Int) async -> Void = { _ in }) async throws {
        let quiescing = ServerQuiescingHelper(group: MultiThreadedEventLoopGroup.singleton)
        let connections = ConnectionQueue<Connection>()
        let room = ConnectionRoom { self.settings.withLock { $0.maxConnections } }
        let server = try await listen(encryption, quiescing, room, connections)
        let end: @Sendable () -> Void = {
            room.close()
            Self.end(server, quiescing, connections)
        }
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
                    let executor = runsOnEventLoops ? EventLoopTaskExecutor(connection.channel.eventLoop) : nil
                    group.addTask(executorPreference: executor) {
                        await http.handle(value: connection, logger: self.logger)
                    }
                }
            }
        }
    }

    private func listen(
        _ encryption: NIOSSLContext?, _ quiescing: ServerQuiescingHelper, _ room: ConnectionRoom, _ connections: ConnectionQueue<Connection>
    ) async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let bound = ConnectionBound(room: room)
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
        switch address {
        case .host(let host, let port):
            let server = try await bootstrap.bind(host: host, port: port).get()
            logger.info("listening", metadata: ["address": "\(server.localAddress?.description ?? "")"])
            return server
        case .socket(let descriptor):
            let server = try await bootstrap.withBoundSocket(descriptor).get()
            // SwiftNIO cuts the queue of a socket that it takes over to 128: while no process accepts, as many clients wait here as may.
            Glibc.listen(descriptor, SOMAXCONN)
            logger.info("listening on the service manager's socket", metadata: ["address": "\(server.localAddress?.description ?? "")"])
            return server
        }
    }
}

/// How many connections there may be; none more at the end, though one that closes makes room.
private final class ConnectionRoom: Sendable {
    private let limit: @Sendable () -> Int
    private let isClosed = Atomic(false)

    init(_ limit: @escaping @Sendable () -> Int) { self.limit = limit }

    func close() { isClosed.store(true, ordering: .relaxed) }

    func holds(_ count: Int) -> Bool { !isClosed.load(ordering: .relaxed) && count < limit() }
}

private struct ConnectionBound: AvailableConnectionsDelegate {
    let room: ConnectionRoom
    private var count = 0

    init(room: ConnectionRoom) { self.room = room }

    mutating func connectionOpened() { count += 1 }
    mutating func connectionClosed() { count -= 1 }
    func isAcceptingNewConnections() -> Bool { room.holds(count) }
}
