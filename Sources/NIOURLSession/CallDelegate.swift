import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// One call's effects: hands the answer to its sink, notes whether the request left, keeps the limits on time and size.
///
/// The callbacks come on the call's event loop; the lock is for ``delivery``, which the caller reads from elsewhere, and is never contended.
final class CallDelegate<Sink: ResponseSink>: HTTPClientResponseDelegate, NIOScheduledCallbackHandler {
    typealias Response = Void

    private struct State {
        var deadlines: CallDeadlines
        var delivery = NIOURLSessionError.Delivery.notSent
        var received = 0
        var timer: NIOScheduledCallback?
        var task: HTTPClient.Task<Void>?
    }

    private let sink: Sink
    private let maxBodyBytes: Int
    private let state: Mutex<State>

    init(sink: Sink, deadlines: CallDeadlines, maxBodyBytes: Int) {
        self.sink = sink
        self.maxBodyBytes = maxBodyBytes
        self.state = Mutex(State(deadlines: deadlines))
    }

    var delivery: NIOURLSessionError.Delivery { state.withLock { $0.delivery } }

    func didSendRequestHead(task: HTTPClient.Task<Void>, _ head: HTTPRequestHead) {
        let wake = state.withLock { state in
            let now = NIODeadline.now()
            state.delivery = .maybeSent
            state.task = task
            state.deadlines.sent(at: now)
            return state.deadlines.wake(after: now)
        }
        startTimer(at: wake, on: task.eventLoop)
    }

    func didSendRequest(task: HTTPClient.Task<Void>) {
        state.withLock { $0.deadlines.sent(at: .now()) }
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        guard let response = head.sessionResponse else {
            return task.eventLoop.makeFailedFuture(
                NIOURLSessionError(.invalidResponse, delivery: .maybeSent, detail: "status \(head.status.code)"))
        }
        if let length = head.headers.first(name: "content-length").flatMap(Int.init), length > maxBodyBytes {
            return task.eventLoop.makeFailedFuture(tooLarge)
        }
        state.withLock { $0.deadlines.received(at: .now()) }
        sink.received(response)
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ piece: ByteBuffer) -> EventLoopFuture<Void> {
        let held = sink.received(piece, on: task.eventLoop)
        let now = NIODeadline.now()
        let fits = state.withLock { state in
            state.received += piece.readableBytes
            if held == nil { state.deadlines.received(at: now) } else { state.deadlines.held() }
            return state.received <= maxBodyBytes
        }
        guard fits else { return task.eventLoop.makeFailedFuture(tooLarge) }
        guard let held else { return task.eventLoop.makeSucceededVoidFuture() }
        held.whenSuccess { [self] in state.withLock { $0.deadlines.received(at: .now()) } }
        return held
    }

    func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) {
        end()
        sink.failed(NIOURLSessionError(classifying: error, delivery: delivery))
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) throws {
        end()
        sink.finished()
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        let (expired, wake, task) = state.withLock { state in
            let now = NIODeadline.now()
            state.timer = nil
            return (state.deadlines.expired(at: now), state.deadlines.wake(after: now), state.task)
        }
        guard let task else { return }
        if let expired {
            task.fail(reason: NIOURLSessionError(expired, delivery: .maybeSent))
        } else {
            startTimer(at: wake, on: eventLoop)
        }
    }

    private var tooLarge: NIOURLSessionError {
        NIOURLSessionError(.bodyTooLarge, delivery: .maybeSent, detail: "more than \(maxBodyBytes) bytes")
    }

    private func startTimer(at deadline: NIODeadline, on eventLoop: any EventLoop) {
        guard let timer = try? eventLoop.scheduleCallback(at: deadline, handler: self) else { return }
        state.withLock { $0.timer = timer }
    }

    /// Stops the timer and lets go of the task, which holds this delegate.
    private func end() {
        let timer = state.withLock { state in
            defer {
                state.timer = nil
                state.task = nil
            }
            return state.timer
        }
        timer?.cancel()
    }
}
