import NIOCore

/// One connection of a load: a request, its answer, the next request.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A gateway that has not answered by then is taken for dead.
    private static let patience = TimeAmount.seconds(60)

    private let run: LoadRun
    private var reader = ResponseReader()
    private var sentAt: NIODeadline?
    private var guardian: Scheduled<Void>?

    init(_ run: LoadRun) { self.run = run }

    func handlerAdded(context: ChannelHandlerContext) {
        let run = run
        guardian = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { self.watch(context.loopBound) }
        guard context.channel.isActive else { return run.fail(LoadFailure(description: "the gateway closed a connection")) }
        sendNext(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        reader.append(Self.unwrapInboundIn(data))
        do {
            while let answer = try reader.next() { received(answer, context) }
        } catch {
            run.fail(LoadFailure(description: "an answer cannot be read: \(error)"))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        guardian?.cancel()
        run.fail(LoadFailure(description: "the gateway closed a connection"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { run.fail(error) }

    private func received(_ answer: ResponseReader.Answer, _ context: ChannelHandlerContext) {
        guard let sentAt, answer.status == 201 else {
            return run.fail(LoadFailure(description: "the gateway answered \(answer.status): \(String(buffer: answer.body).prefix(500))"))
        }
        self.sentAt = nil
        run.answered(after: .now() - sentAt)
        sendNext(context)
    }

    private func sendNext(_ context: ChannelHandlerContext) {
        guard let (bytes, due) = run.nextRequest() else { return }
        if due <= .now() { return send(bytes, context) }
        let context = context.loopBound
        context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.send(bytes, context.value) }
    }

    private func send(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        sentAt = .now()
        context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
    }

    private func watch(_ context: NIOLoopBound<ChannelHandlerContext>) {
        if let sentAt, .now() - sentAt >= Self.patience {
            return run.fail(LoadFailure(description: "the gateway did not answer within \(Self.patience.nanoseconds / 1_000_000_000) s"))
        }
        guardian = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { self.watch(context) }
    }
}
