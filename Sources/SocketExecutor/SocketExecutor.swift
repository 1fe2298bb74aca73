import Glibc
import Synchronization

/// One OS thread that runs the jobs of the actors on it and, between jobs, watches C sockets.
///
/// A C client library (libpq, librabbitmq) wants one thread, may block it, and owns a socket that must be looked at when it turns
/// readable. An actor whose `unownedExecutor` is a `SocketExecutor` gets that thread: its methods may block, nothing else waits for
/// them, and `watch(_:for:until:onReady:)` calls back on the same thread.
///
/// The thread starts with the first job, so that an owner that never runs costs none, and lives until `shutDown()`; jobs enqueued after
/// that still run (on a thread made for them), so that no task is left suspended for ever. It sleeps in `poll(2)` with no timeout unless
/// a watch has a deadline: an idle executor costs nothing.
public final class SocketExecutor: SerialExecutor, @unchecked Sendable {
    /// What to look for on a socket. The raw value holds the bits of `poll(2)`.
    public struct Readiness: OptionSet, Sendable {
        public let rawValue: Int16
        public init(rawValue: Int16) { self.rawValue = rawValue }

        public static let readable = Readiness(rawValue: Int16(POLLIN))
        public static let writable = Readiness(rawValue: Int16(POLLOUT))
        /// The peer closed, or the descriptor is in error: always watched for, never asked for.
        public static let failed = Readiness(rawValue: Int16(POLLERR | POLLHUP | POLLNVAL))
    }

    struct Watch {
        var readiness: Readiness
        var deadline: ContinuousClock.Instant?
        var onReady: (Readiness) -> Void
    }

    private struct Inbox {
        var jobs: [UnownedJob] = []
        /// Whether the thread is in `poll`, or on its way there, and has to be woken.
        var isAsleep = false
        var isShutDown = false
        var hasThread = false
    }

    /// Bytes of the thread's stack, whatever the process's limits say. librabbitmq decodes nested tables by recursion without a limit: a frame
    /// of 128 KiB nests 26,000 deep, and takes 3 MiB. Only what is touched takes memory.
    static let stackSize = 16 << 20

    public let name: String
    private let inbox = Mutex(Inbox())
    /// A pipe: a byte written to one end wakes the thread, which polls the other.
    private let wakeDescriptors: (read: Int32, write: Int32)
    /// Only the executor's thread touches these two.
    private var watches: [Int32: Watch] = [:]
    private var pollDescriptors: [pollfd] = []
    private let threadID = Atomic<UInt>(0)

    /// `name` shows in `top -H` and debuggers (Linux keeps 15 bytes of it).
    public init(name: String) {
        self.name = name
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no file descriptors left for an executor's wake-up")
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        self.wakeDescriptors = (read: ends[0], write: ends[1])
    }

    deinit {
        close(wakeDescriptors.read)
        close(wakeDescriptors.write)
    }

    // MARK: SerialExecutor

    public func enqueue(_ job: consuming ExecutorJob) {
        // The job may run on the thread, and let go of the last reference to this executor, before this method is through.
        let keptAlive = Unmanaged.passRetained(self)
        defer { keptAlive.release() }
        let job = UnownedJob(job)
        let (mustWake, mustStart) = inbox.withLock { inbox in
            inbox.jobs.append(job)
            defer {
                inbox.isAsleep = false
                inbox.hasThread = true
            }
            return (inbox.isAsleep, !inbox.hasThread)
        }
        if mustWake { wake() }
        if mustStart { startThread() }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    public func checkIsolated() {
        precondition(isOnThread, "expected to run on the thread of the executor '\(name)'")
    }

    public func isIsolatingCurrentContext() -> Bool? {
        isOnThread
    }

    /// Whether the caller runs on this executor's thread.
    public var isOnThread: Bool {
        threadID.load(ordering: .acquiring) == UInt(pthread_self())
    }

    // MARK: Sockets

    /// Calls `onReady` on the executor's thread whenever `descriptor` is ready, and once with an empty set when `deadline` passes
    /// (the deadline is then gone; the watch stays). Replaces the descriptor's earlier watch. Call it on the executor's thread.
    public func watch(
        _ descriptor: Int32, for readiness: Readiness, until deadline: ContinuousClock.Instant? = nil,
        onReady: @escaping (Readiness) -> Void
    ) {
        checkIsolated()
        watches[descriptor] = Watch(readiness: readiness, deadline: deadline, onReady: onReady)
    }

    /// Forgets a descriptor; do so before it is closed. Call it on the executor's thread.
    public func unwatch(_ descriptor: Int32) {
        checkIsolated()
        watches[descriptor] = nil
    }

    /// Waits on the executor's thread, blocking it, until `descriptor` is ready or `deadline` passes (then the set is empty).
    public func block(on descriptor: Int32, for readiness: Readiness, until deadline: ContinuousClock.Instant?) -> Readiness {
        checkIsolated()
        var target = pollfd(fd: descriptor, events: readiness.rawValue, revents: 0)
        while true {
            let count = poll(&target, 1, Self.timeout(until: deadline))
            if count > 0 { return Readiness(rawValue: target.revents) }
            if count == 0, let deadline, ContinuousClock.now >= deadline { return [] }
            if count < 0, errno != EINTR { return .failed }
        }
    }

    /// Ends the thread once the jobs that wait have run. Watches are forgotten.
    public func shutDown() {
        let mustWake = inbox.withLock { inbox in
            inbox.isShutDown = true
            defer { inbox.isAsleep = false }
            return inbox.isAsleep
        }
        if mustWake { wake() }
    }

    // MARK: The thread

    private func startThread() {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(self)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        precondition(pthread_attr_setstacksize(&attributes, Self.stackSize) == 0, "a stack of \(Self.stackSize) bytes is not possible")
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<SocketExecutor>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        precondition(code == 0, "no thread for the executor '\(name)': \(String(cString: strerror(code)))")
        pthread_detach(thread)
    }

    private func run() {
        threadID.store(UInt(pthread_self()), ordering: .releasing)
        nameThread()
        while let jobs = takeJobs() {
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            // After work the sockets are looked at without sleeping, so that a busy inbox cannot starve them.
            pollSockets(mayBlock: jobs.isEmpty)
        }
        // A successor may have started already: only this thread's own mark is taken away.
        _ = threadID.compareExchange(expected: UInt(pthread_self()), desired: 0, ordering: .acquiringAndReleasing)
    }

    /// The jobs that wait; empty when the thread may sleep, nil when it must end.
    private func takeJobs() -> [UnownedJob]? {
        // Released after the lock: what a watch holds may enqueue a job when it is let go.
        var forgotten: [Int32: Watch] = [:]
        return inbox.withLock { inbox in
            let jobs = inbox.jobs
            inbox.jobs.removeAll()
            if jobs.isEmpty {
                if inbox.isShutDown {
                    inbox.hasThread = false
                    swap(&forgotten, &watches)
                    return nil
                }
                inbox.isAsleep = true
            }
            return jobs
        }
    }

    /// `pthread_setname_np(3)` is not in the C module's view; the file it writes to is.
    private func nameThread() {
        let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(descriptor, bytes, bytes.count)
        close(descriptor)
    }

    private func pollSockets(mayBlock: Bool) {
        if !mayBlock && watches.isEmpty { return }
        pollDescriptors.removeAll(keepingCapacity: true)
        pollDescriptors.append(pollfd(fd: wakeDescriptors.read, events: Int16(POLLIN), revents: 0))
        for (descriptor, watch) in watches {
            pollDescriptors.append(pollfd(fd: descriptor, events: watch.readiness.rawValue, revents: 0))
        }
        let earliest = watches.values.lazy.compactMap(\.deadline).min()
        let count = poll(&pollDescriptors, UInt(pollDescriptors.count), mayBlock ? Self.timeout(until: earliest) : 0)
        if mayBlock { inbox.withLock { $0.isAsleep = false } }
        if count > 0 {
            if pollDescriptors[0].revents != 0 { drainWakeDescriptor() }
            for ready in pollDescriptors.dropFirst() where ready.revents != 0 {
                watches[ready.fd]?.onReady(Readiness(rawValue: ready.revents))
            }
        }
        if let earliest, earliest <= .now { expireDeadlines() }
    }

    private func expireDeadlines() {
        let now = ContinuousClock.now
        for (descriptor, watch) in watches {
            guard let deadline = watch.deadline, deadline <= now else { continue }
            // A watch replaced by a callback of this very round has a deadline of its own.
            guard watches[descriptor]?.deadline == deadline else { continue }
            watches[descriptor]?.deadline = nil
            watch.onReady([])
        }
    }

    private func wake() {
        // A full pipe means that a wake-up is under way already.
        var byte: UInt8 = 1
        _ = write(wakeDescriptors.write, &byte, 1)
    }

    private func drainWakeDescriptor() {
        var bytes: (UInt64, UInt64) = (0, 0)
        while read(wakeDescriptors.read, &bytes, MemoryLayout.size(ofValue: bytes)) == MemoryLayout.size(ofValue: bytes) {}
    }

    /// Milliseconds for `poll(2)`, rounded up so that a deadline has passed when it returns; -1 sleeps without a limit.
    private static func timeout(until deadline: ContinuousClock.Instant?) -> Int32 {
        guard let deadline else { return -1 }
        let (seconds, attoseconds) = (deadline - .now).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return Int32(clamping: min(seconds, 86_400) * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
