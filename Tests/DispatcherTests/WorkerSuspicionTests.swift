import Domain
import Foundation
import Store
import Testing

@testable import Dispatcher

@Suite struct WorkerSuspicionTests {
    private let start = ContinuousClock.now
    private let one = UUID.v7()
    private let two = UUID.v7()

    @Test func aLeaseThatRanOutIsTheEnd() {
        var suspicion = WorkerSuspicion(confirmation: .milliseconds(400))
        let dead1 = suspicion.look(at: [SilentWorker(id: one, isExpired: true)], now: start)
        #expect(dead1 == [one])
        #expect(!suspicion.isOpen)
    }

    @Test func aFreeLockTakesASecondLook() {
        var suspicion = WorkerSuspicion(confirmation: .milliseconds(400))
        let dead2 = suspicion.look(at: [SilentWorker(id: one, isExpired: false)], now: start)
        #expect(dead2.isEmpty)
        #expect(suspicion.isOpen)
        let both = [SilentWorker(id: one, isExpired: false), SilentWorker(id: two, isExpired: false)]
        let dead3 = suspicion.look(at: both, now: start + .milliseconds(399))
        #expect(dead3.isEmpty)
        let dead4 = suspicion.look(at: both, now: start + .milliseconds(400))
        #expect(dead4 == [one])
        let dead5 = suspicion.look(at: both, now: start + .milliseconds(799))
        #expect(dead5 == [two])
    }

    /// A session that broke and was opened anew in between clears the worker.
    @Test func whoSpeaksAgainIsForgotten() {
        var suspicion = WorkerSuspicion(confirmation: .milliseconds(400))
        _ = suspicion.look(at: [SilentWorker(id: one, isExpired: false)], now: start)
        let dead6 = suspicion.look(at: [], now: start + .seconds(1))
        #expect(dead6.isEmpty)
        #expect(!suspicion.isOpen)
        let dead7 = suspicion.look(at: [SilentWorker(id: one, isExpired: false)], now: start + .seconds(2))
        #expect(dead7.isEmpty)
    }
}
