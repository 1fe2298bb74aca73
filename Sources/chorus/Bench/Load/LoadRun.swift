import Histogram
import NIOCore
import NIOPosix
import Synchronization

/// What a load took.
struct LoadReport: Sendable {
    var tasks: Int
    var seconds: Double
    /// From a request's first byte to its answer's last, in microseconds.
    var answerTimes: Histogram<UInt32>
}

/// Where a load goes: the gateway, and the project as it stands in the path.
struct LoadTarget: Sendable {
    var host: String
    var port: Int
    var key: String
    var projectID: String

    /// The head of a request with a body of that type and `length` bytes.
    func head(_ contentType: String, length: Int) -> String {
        "POST /v1/projects/\(projectID)/tasks HTTP/1.1\r\nhost: \(host):\(port)\r\nauthorization: Bearer \(key)\r\n"
            + "content-type: \(contentType)\r\ncontent-length: \(length)\r\n\r\n"
    }
}

/// What ended a load early.
struct LoadFailure: Error, CustomStringConvertible {
    var description: String
}

/// Hands tasks in over connections that stay open: prepared bytes on one event loop, so that the gateway is measured and not this.
final class LoadRun: Sendable {
    private struct State {
        var next = 0
        var unanswered: Int
        var answerTimes = Histogram<UInt32>(highestTrackableValue: 120_000_000)
    }

    /// When the bytes of all requests stood ready.
    let startedAt: NIODeadline
    private let plan: LoadPlan
    private let requests: [Int: ByteBuffer]
    private let finished: EventLoopPromise<Void>
    private let state: Mutex<State>

    private init(_ plan: LoadPlan, _ target: LoadTarget, finished: EventLoopPromise<Void>) {
        self.plan = plan
        self.finished = finished
        state = Mutex(State(unanswered: plan.calls))
        var requests: [Int: ByteBuffer] = [:]
        for number in [0, plan.calls - 1] {
            guard let count = plan.call(number)?.tasks, requests[count] == nil else { continue }
            let body = plan.body(tasks: count)
            var request = ByteBuffer(string: target.head(plan.contentType, length: body.count))
            request.writeBytes(body)
            requests[count] = request
        }
        self.requests = requests
        startedAt = .now()
    }

    /// Sends all of the plan and returns when each request was answered with 201. The connections and the bytes are made before the clock
    /// starts.
    static func run(_ plan: LoadPlan, against target: LoadTarget) async throws -> LoadReport {
        let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<LoadReport, any Error>
        do { result = .success(try await run(plan, against: target, on: eventLoops)) } catch { result = .failure(error) }
        try await eventLoops.shutdownGracefully()
        return try result.get()
    }

    private static func run(_ plan: LoadPlan, against target: LoadTarget, on eventLoops: MultiThreadedEventLoopGroup) async throws
        -> LoadReport
    {
        let bootstrap = ClientBootstrap(group: eventLoops)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1).connectTimeout(.seconds(10))
        var channels: [any Channel] = []
        for _ in 0..<plan.callers { channels.append(try await bootstrap.connect(host: target.host, port: target.port).get()) }
        let finished = eventLoops.next().makePromise(of: Void.self)
        let run = LoadRun(plan, target, finished: finished)
        for channel in channels {
            channel.eventLoop.execute {
                do { try channel.pipeline.syncOperations.addHandler(LoadConnection(run)) } catch { run.fail(error) }
            }
        }
        try await finished.futureResult.get()
        let seconds = Double((NIODeadline.now() - run.startedAt).nanoseconds) / 1e9
        for channel in channels { channel.close(promise: nil) }
        return LoadReport(tasks: plan.tasks, seconds: seconds, answerTimes: run.state.withLock { $0.answerTimes })
    }

    /// The next request to send, and when; nil where all are on their way.
    func nextRequest() -> (bytes: ByteBuffer, due: NIODeadline)? {
        let number = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        guard let call = plan.call(number), let bytes = requests[call.tasks] else { return nil }
        return (bytes, startedAt + .nanoseconds(Int64(call.due * 1e9)))
    }

    func answered(after time: TimeAmount) {
        let isLast = state.withLock { state in
            state.answerTimes.record(UInt64(max(0, time.nanoseconds / 1_000)))
            state.unanswered -= 1
            return state.unanswered == 0
        }
        if isLast { finished.succeed() }
    }

    /// Ends the load; later calls change nothing.
    func fail(_ error: any Error) { finished.fail(error) }
}
