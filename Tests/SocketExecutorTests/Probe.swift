import Glibc

@testable import SocketExecutor

/// An actor on an executor, as a C client's connection is one.
actor Probe {
    nonisolated let executor: SocketExecutor
    private var count = 0
    private var events: [SocketExecutor.Readiness] = []
    private var waiter: (reached: Int, continuation: CheckedContinuation<Void, Never>)?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ executor: SocketExecutor) { self.executor = executor }

    func threadID() -> UInt { UInt(pthread_self()) }
    func isOnThread() -> Bool { executor.isOnThread }
    func increment() { count += 1 }
    func total() -> Int { count }
    func seen() -> [SocketExecutor.Readiness] { events }
    func block(milliseconds: UInt32) { usleep(milliseconds * 1_000) }

    func watch(_ descriptor: Int32, _ readiness: SocketExecutor.Readiness = .readable, until deadline: ContinuousClock.Instant? = nil) {
        executor.watch(descriptor, for: readiness, until: deadline) { readiness in self.happened(descriptor, readiness) }
    }

    func unwatch(_ descriptor: Int32) { executor.unwatch(descriptor) }

    func block(on descriptor: Int32, until deadline: ContinuousClock.Instant?) -> SocketExecutor.Readiness {
        executor.block(on: descriptor, for: .readable, until: deadline)
    }

    /// Returns once `count` events were seen.
    func reached(_ count: Int) async {
        if events.count >= count { return }
        await withCheckedContinuation { waiter = (count, $0) }
    }

    /// CPU time of the executor's thread, in nanoseconds.
    func cpuTime() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    /// How often the executor's thread went to sleep of its own will.
    func voluntarySwitches() -> Int {
        var usage = rusage()
        // RUSAGE_THREAD of getrusage(2), which Glibc's module does not offer.
        getrusage(__rusage_who_t(1), &usage)
        return usage.ru_nvcsw
    }

    private func happened(_ descriptor: Int32, _ readiness: SocketExecutor.Readiness) {
        if readiness.contains(.readable) {
            var byte: UInt8 = 0
            if read(descriptor, &byte, 1) == 0 { executor.unwatch(descriptor) }
        }
        if readiness == .writable { executor.unwatch(descriptor) }
        events.append(readiness)
        if let waiter, events.count >= waiter.reached {
            self.waiter = nil
            waiter.continuation.resume()
        }
    }
}
