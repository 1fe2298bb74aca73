public import NIOCore

/// Runs the jobs of Swift tasks on an event loop: what prefers it starts its calls, and takes their answers, without a hop between threads.
///
/// What runs there must not block, nor compute for long: all that the loop carries waits meanwhile.
public final class EventLoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    public init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
