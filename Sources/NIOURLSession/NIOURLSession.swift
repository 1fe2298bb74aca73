import AsyncHTTPClient
public import HTTPTypes
public import Logging
import NIOCore
import NIOPosix
import NIOTaskExecutor
import Synchronization

/// HTTP calls in the shape of Foundation's `URLSession`, on event loops.
///
/// Foundation's own on Linux is libcurl inside; this one carries a thousand calls in flight on one thread. Make one, keep it, and call
/// ``shutdown()`` before letting it go. Cancelling the Swift task of a call closes the call's connection at once.
public final class NIOURLSession: Sendable {
    public let configuration: NIOURLSessionConfiguration
    /// The session's own thread, or one of them. Tasks that make many calls may prefer it (`withTaskExecutorPreference`) until
    /// ``shutdown()``; they must not block it.
    public let taskExecutor: any TaskExecutor
    private let client: HTTPClient
    private let eventLoops: MultiThreadedEventLoopGroup
    private let targets = RequestTargets()
    private let logger: Logger
    /// No call may begin once its event loop may be gone: its future would never complete.
    private let isShutDown = Atomic(false)

    public init(configuration: NIOURLSessionConfiguration = NIOURLSessionConfiguration(), logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        self.eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.eventLoopThreads))
        self.taskExecutor = EventLoopTaskExecutor(eventLoops.any())
        self.client = HTTPClient(
            eventLoopGroupProvider: .shared(eventLoops), configuration: HTTPClient.Configuration(configuration),
            backgroundActivityLogger: logger)
    }

    /// Sends a request without a body and gathers the answer.
    public func data(
        for request: HTTPRequest, timeouts: NIOURLSessionTimeouts? = nil
    ) async throws(NIOURLSessionError) -> (body: [UInt8], response: HTTPResponse) {
        try await gather(request, body: nil, timeouts: timeouts)
    }

    /// Sends a request with a body and gathers the answer.
    public func upload(
        for request: HTTPRequest, from body: [UInt8], timeouts: NIOURLSessionTimeouts? = nil
    ) async throws(NIOURLSessionError) -> (body: [UInt8], response: HTTPResponse) {
        try await gather(request, body: body, timeouts: timeouts)
    }

    /// Sends a request and returns at the answer's head; the body is read from the sequence. Redirects are handed over, never followed.
    public func bytes(
        for request: HTTPRequest, from body: [UInt8]? = nil, timeouts: NIOURLSessionTimeouts? = nil
    ) async throws(NIOURLSessionError) -> (bytes: NIOURLSessionBytes, response: HTTPResponse) {
        let sink = StreamingSink()
        let (task, _) = try start(request, body: body, timeouts: timeouts ?? configuration.timeouts, into: sink)
        let lease = NIOURLSessionBytes.Lease(task: task, sink: sink)
        let head = await withTaskCancellationHandler {
            await sink.head()
        } onCancel: {
            task.cancel()
        }
        return (NIOURLSessionBytes(sink: sink, lease: lease), try head.get())
    }

    /// Ends all calls and connections, and the threads. Later calls fail with ``NIOURLSessionError/Code/shutdown``.
    ///
    /// A connection that is being made holds this up until it is there or has failed: for the connect timeout at most.
    public func shutdown() async {
        guard !isShutDown.exchange(true, ordering: .sequentiallyConsistent) else { return }
        do {
            try await client.shutdown()
            try await eventLoops.shutdownGracefully()
        } catch {
            logger.error("The HTTP client did not shut down", metadata: ["error": "\(error)"])
        }
    }

    private func gather(
        _ original: HTTPRequest, body: [UInt8]?, timeouts: NIOURLSessionTimeouts?
    ) async throws(NIOURLSessionError) -> (body: [UInt8], response: HTTPResponse) {
        let timeouts = timeouts ?? configuration.timeouts
        guard case .sameOrigin(let limit) = configuration.redirects else {
            return try await gatherOne(original, body: body, timeouts: timeouts)
        }
        var request = original
        var answer = try await gatherOne(request, body: body, timeouts: timeouts)
        for _ in 0..<limit {
            guard let next = RedirectRule.next(after: answer.response, to: request) else { break }
            request = next
            answer = try await gatherOne(request, body: body, timeouts: timeouts)
        }
        return answer
    }

    private func gatherOne(
        _ request: HTTPRequest, body: [UInt8]?, timeouts: NIOURLSessionTimeouts
    ) async throws(NIOURLSessionError) -> (body: [UInt8], response: HTTPResponse) {
        let sink = CollectingSink()
        let (task, delegate) = try start(request, body: body, timeouts: timeouts, into: sink)
        do {
            try await withTaskCancellationHandler {
                try await task.futureResult.get()
            } onCancel: {
                task.cancel()
            }
        } catch {
            throw NIOURLSessionError(classifying: error, delivery: delegate.delivery)
        }
        guard let answer = sink.take() else {
            throw NIOURLSessionError(.invalidResponse, delivery: .maybeSent, detail: "the answer has no head")
        }
        return answer
    }

    private func start<Sink: ResponseSink>(
        _ request: HTTPRequest, body: [UInt8]?, timeouts: NIOURLSessionTimeouts, into sink: Sink
    ) throws(NIOURLSessionError) -> (HTTPClient.Task<Void>, CallDelegate<Sink>) {
        if isShutDown.load(ordering: .sequentiallyConsistent) { throw NIOURLSessionError(.shutdown, delivery: .notSent) }
        if Task.isCancelled { throw NIOURLSessionError(.cancelled, delivery: .notSent) }
        let clientRequest: HTTPClient.Request
        do {
            clientRequest = try targets.clientRequest(request, body: body)
        } catch {
            throw NIOURLSessionError(classifying: error, delivery: .notSent)
        }
        let now = NIODeadline.now()
        let delegate = CallDelegate(
            sink: sink, deadlines: CallDeadlines(start: now, timeouts: timeouts), maxBodyBytes: configuration.maxResponseBodyBytes)
        // The delegate's timer starts when the request leaves; before that only a limit shorter than the connect timeout needs one.
        let deadline = timeouts.call < configuration.connectTimeout ? now + TimeAmount(timeouts.call) : nil
        return (client.execute(request: clientRequest, delegate: delegate, deadline: deadline), delegate)
    }
}
