import Glibc
import Testing

@testable import SocketExecutor

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
            // One that spins takes half a second; time that another machine stole may count as its own.
            #expect(await probe.cpuTime() - cpu < 100_000_000)
            #expect(await probe.voluntarySwitches() - switches < 8)
            await probe.unwatch(pair.here)
        }
    }
}
