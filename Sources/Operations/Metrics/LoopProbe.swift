import CoreMetrics
public import ServiceLifecycle

/// Looks how long the threads that do the work let a new job wait: late means that something blocks them, or that there is too much to do.
///
/// Every few seconds one empty job a loop; the one that waits longest counts.
public struct LoopProbe: Service {
    private let pace: Duration
    private let loops: [@Sendable () async -> Void]
    private let lag = CoreMetrics.Timer(label: "chorus_event_loop_lag_seconds")

    /// - Parameter loops: each hands an empty job to one loop, and returns when it has run.
    public init(pace: Duration = .seconds(5), loops: [@Sendable () async -> Void]) {
        self.pace = pace
        self.loops = loops
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await look()
                try? await Task.sleep(for: pace)
            }
        }
    }

    private func look() async {
        let longest = await withTaskGroup(of: Duration.self) { group in
            for loop in loops {
                group.addTask {
                    let start = ContinuousClock.now
                    await loop()
                    return .now - start
                }
            }
            return await group.reduce(.zero) { max($0, $1) }
        }
        lag.recordNanoseconds(Int64(longest / .nanoseconds(1)))
    }
}
