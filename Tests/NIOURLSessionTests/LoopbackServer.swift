import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A server that misbehaves by the path it is asked for.
final class LoopbackServer: Sendable {
    enum Event: Sendable, Equatable {
        case asked(String)
        case closed(String)
    }

    let port: Int
    let events: AsyncStream<Event>
    private let channel: any Channel

    init(tls: NIOSSLContext? = nil) async throws {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let gate = Gate()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(Misbehaviour(events: continuation, gate: gate))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        self.events = events
    }

    func stop() async throws {
        try await channel.close()
    }

    /// Waits until `event` has happened; the suite's time limit bounds it.
    func wait(for event: Event) async {
        for await seen in events where seen == event { return }
    }
}

/// Holds answers back until as many are asked for as shall be in flight at once.
private final class Gate: Sendable {
    static let size = 1_000
    private let waiting = Mutex<[any Channel]>([])

    func enter(_ channel: any Channel, answer: String) {
        let all = waiting.withLock { waiting in
            waiting.append(channel)
            guard waiting.count == Self.size else { return [any Channel]() }
            defer { waiting = [] }
            return waiting
        }
        for channel in all { channel.writeAndFlush(ByteBuffer(string: answer), promise: nil) }
    }
}

private final class Misbehaviour: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let events: AsyncStream<LoopbackServer.Event>.Continuation
    private let gate: Gate
    private var request = ""
    private var path = ""

    init(events: AsyncStream<LoopbackServer.Event>.Continuation, gate: Gate) {
        self.events = events
        self.gate = gate
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        request += String(buffer: unwrapInboundIn(data))
        if request.utf8.first == 0x16 {
            // A TLS handshake, which this server does not speak.
            return write(context, "HTTP/1.1 400 Bad Request\r\n\r\n")
        }
        guard let head = request.firstRange(of: "\r\n\r\n") else { return }
        let fields = request[..<head.lowerBound]
        let length =
            fields.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.drop { $0 != ":" }.dropFirst().filter { $0 != " " }) } ?? 0
        let body = request[head.upperBound...]
        guard body.utf8.count >= length else { return }
        path = String(request.split(separator: " ")[1])
        request = ""
        events.yield(.asked(path))
        answer(context, body: String(body))
    }

    func channelInactive(context: ChannelHandlerContext) {
        events.yield(.closed(path))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ context: ChannelHandlerContext, body: String) {
        switch path {
        case "/silent": return
        case "/stall": write(context, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
        case "/drip":
            write(context, "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            let channel = context.channel
            context.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(20)) { drip in
                guard channel.isActive else { return drip.cancel() }
                channel.writeAndFlush(ByteBuffer(string: "x"), promise: nil)
            }
        case "/cut":
            write(context, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
            context.close(promise: nil)
        case "/close": context.close(promise: nil)
        case "/noise": write(context, "SSH-2.0-OpenSSH_9.2\r\n\r\n")
        case _ where path.hasPrefix("/status/"):
            write(context, "HTTP/1.1 \(path.dropFirst(8)) Odd\r\ncontent-length: 0\r\n\r\n")
        case "/twice":
            write(context, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad")
        case "/early-hints": write(context, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        case "/big-chunked":
            write(context, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            let piece = String(repeating: " ", count: 1 << 20)
            for _ in 0..<50 { write(context, "100000\r\n\(piece)\r\n") }
            write(context, "0\r\n\r\n")
        case "/big-declared": write(context, "HTTP/1.1 200 OK\r\ncontent-length: 52428800\r\n\r\n ")
        case "/away": redirect(context, 302, to: "http://localhost:9/elsewhere")
        case "/away-slashes": redirect(context, 302, to: "//localhost:9/elsewhere")
        case "/near": redirect(context, 302, to: "/ok")
        case "/near-post": redirect(context, 307, to: "/echo")
        case "/near-moved": redirect(context, 303, to: "/echo")
        case "/loop": redirect(context, 302, to: "/loop")
        case "/echo": respond(context, body)
        case "/gate": gate.enter(context.channel, answer: "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngate")
        case "/pieces":
            write(context, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for index in 0..<10 { write(context, "1\r\n\(index)\r\n") }
            write(context, "0\r\n\r\n")
        default: respond(context, "ok")
        }
    }

    private func redirect(_ context: ChannelHandlerContext, _ status: Int, to location: String) {
        write(context, "HTTP/1.1 \(status) Elsewhere\r\nlocation: \(location)\r\ncontent-length: 0\r\n\r\n")
    }

    private func respond(_ context: ChannelHandlerContext, _ body: String) {
        write(context, "HTTP/1.1 200 OK\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    private func write(_ context: ChannelHandlerContext, _ text: String) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}
