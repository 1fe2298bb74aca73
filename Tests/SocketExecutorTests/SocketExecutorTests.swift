import Glibc
import Synchronization
import Testing

@testable import SocketExecutor

/// An actor on an executor, as a C client's connection is one.
private actor Probe {
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

/// Two connected sockets, closed at the end.
private struct SocketPair: ~Copyable {
    let here: Int32
    let there: Int32

    init() {
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        (here, there) = (ends[0], ends[1])
    }

    deinit {
        close(here)
        close(there)
    }

    borrowing func send(_ count: Int = 1) {
        let bytes = [UInt8](repeating: 7, count: count)
        _ = write(there, bytes, count)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct SocketExecutorTests {
    private func withProbe(_ body: (Probe) async throws -> Void) async rethrows {
        let executor = SocketExecutor(name: "probe")
        defer { executor.shutDown() }
        try await body(Probe(executor))
    }

    @Test func jobsRunOnOneThread() async {
        await withProbe { probe in
            let first = await probe.threadID()
            let second = await Task.detached { await probe.threadID() }.value
            #expect(first == second)
            #expect(first != UInt(pthread_self()))
            #expect(await probe.isOnThread())
            #expect(!probe.executor.isOnThread)
            #expect(probe.executor.isIsolatingCurrentContext() == false)
        }
    }

    @Test func isolationCanBeAssumedOnTheThread() async {
        await withProbe { probe in
            let other = Probe(probe.executor)
            // Two actors of one executor share its thread: the runtime asks `checkIsolated`, and agrees.
            await Self.run(on: probe) {
                other.assumeIsolated { $0.increment() }
            }
            #expect(await other.total() == 1)
        }
    }

    private static func run(on probe: isolated Probe, _ body: () -> Void) {
        probe.preconditionIsolated()
        body()
    }

    @Test func assumingIsolationElsewhereEndsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let executor = SocketExecutor(name: "probe")
            func elsewhere() { Probe(executor).assumeIsolated { $0.increment() } }
            elsewhere()
        }
    }

    @Test func arrivingBytesWake() async {
        await withProbe { probe in
            let pair = SocketPair()
            await probe.watch(pair.here)
            pair.send()
            await probe.reached(1)
            pair.send(2)
            await probe.reached(3)
            #expect(await probe.seen() == [.readable, .readable, .readable])
            await probe.unwatch(pair.here)
        }
    }

    @Test func aClosedPeerWakes() async {
        await withProbe { probe in
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            await probe.watch(ends[0])
            close(ends[1])
            await probe.reached(1)
            #expect(await probe.seen().first?.isDisjoint(with: .failed) == false)
            await probe.unwatch(ends[0])
            close(ends[0])
        }
    }

    @Test func roomToWriteWakes() async {
        await withProbe { probe in
            let pair = SocketPair()
            await probe.watch(pair.here, .writable)
            await probe.reached(1)
            #expect(await probe.seen() == [.writable])
        }
    }

    @Test func aDeadlineFiresOnceAndTheWatchStays() async {
        await withProbe { probe in
            let pair = SocketPair()
            let start = ContinuousClock.now
            await probe.watch(pair.here, until: start + .milliseconds(50))
            await probe.reached(1)
            #expect(ContinuousClock.now - start >= .milliseconds(50))
            #expect(await probe.seen() == [[]])
            pair.send()
            await probe.reached(2)
            #expect(await probe.seen() == [[], .readable])
            await probe.unwatch(pair.here)
        }
    }

    @Test func aDeadlineInThePastFiresAtOnce() async {
        await withProbe { probe in
            let pair = SocketPair()
            await probe.watch(pair.here, until: .now - .seconds(1))
            await probe.reached(1)
            #expect(await probe.seen() == [[]])
            await probe.unwatch(pair.here)
        }
    }

    @Test func deadlinesFireBesideJobs() async {
        await withProbe { probe in
            let pair = SocketPair()
            await probe.watch(pair.here, until: .now + .milliseconds(20))
            let busy = Task.detached {
                while !Task.isCancelled { await probe.increment() }
            }
            await probe.reached(1)
            busy.cancel()
            await busy.value
            await probe.unwatch(pair.here)
        }
    }

    @Test func forgottenSocketsDoNotWake() async {
        await withProbe { probe in
            let forgotten = SocketPair()
            let other = SocketPair()
            await probe.watch(forgotten.here)
            await probe.watch(other.here)
            await probe.unwatch(forgotten.here)
            forgotten.send()
            other.send()
            await probe.reached(1)
            #expect(await probe.seen().count == 1)
            await probe.unwatch(other.here)
        }
    }

    @Test func blockingWaitsForBytesOrTheDeadline() async {
        await withProbe { probe in
            let pair = SocketPair()
            #expect(await probe.block(on: pair.here, until: .now + .milliseconds(20)) == [])
            pair.send()
            #expect(await probe.block(on: pair.here, until: nil) == .readable)
        }
    }

    @Test func manyActorsUnderLoad() async {
        let executor = SocketExecutor(name: "load")
        let probes = (0..<50).map { _ in Probe(executor) }
        await withTaskGroup(of: Void.self) { group in
            for probe in probes {
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<200 { await probe.increment() }
                    }
                }
            }
        }
        for probe in probes { #expect(await probe.total() == 800) }
        executor.shutDown()
    }

    @Test func jobsAfterShutDownStillRun() async {
        let executor = SocketExecutor(name: "ended")
        let probe = Probe(executor)
        await probe.increment()
        executor.shutDown()
        executor.shutDown()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<500 { group.addTask { await probe.increment() } }
        }
        #expect(await probe.total() == 501)
        #expect(await probe.isOnThread())
    }

    @Test func shuttingDownUnderLoadLosesNoJob() async {
        for _ in 0..<50 {
            let executor = SocketExecutor(name: "ending")
            let probe = Probe(executor)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask { for _ in 0..<20 { await probe.increment() } }
                }
                group.addTask { executor.shutDown() }
            }
            #expect(await probe.total() == 160)
        }
    }

    /// Releasing a watch may end an actor whose isolated `deinit` is a job for this very executor.
    @Test func shutDownReleasesWatchesOutsideItsLock() async {
        let hasEnded = AsyncStream.makeStream(of: Void.self)
        let pair = SocketPair()
        let executor = SocketExecutor(name: "release")
        await Keeper(executor, hasEnded.continuation).watchForEver(pair.here)
        executor.shutDown()
        var ends = hasEnded.stream.makeAsyncIterator()
        await ends.next()
    }

    private actor Keeper {
        nonisolated let executor: SocketExecutor
        private let end: AsyncStream<Void>.Continuation
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        init(_ executor: SocketExecutor, _ end: AsyncStream<Void>.Continuation) {
            self.executor = executor
            self.end = end
        }

        func watchForEver(_ descriptor: Int32) {
            executor.watch(descriptor, for: .readable) { [self] _ in _ = end }
        }

        isolated deinit {
            end.yield()
        }
    }

    @Test func nothingWakesAnIdleThread() async {
        await withProbe { probe in
            let pair = SocketPair()
            await probe.watch(pair.here)
            let (cpu, switches) = (await probe.cpuTime(), await probe.voluntarySwitches())
            // Time itself is what is tested here: nothing can be waited for.
            try? await Task.sleep(for: .milliseconds(500))
            #expect(await probe.cpuTime() - cpu < 5_000_000)
            #expect(await probe.voluntarySwitches() - switches < 8)
            await probe.unwatch(pair.here)
        }
    }
}
