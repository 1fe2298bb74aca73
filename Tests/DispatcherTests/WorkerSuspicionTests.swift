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
        let dead = suspicion.look(at: [SilentWorker(id: one, isExpired: true)], now: start)
        #expect(dead == [one])
        #expect(!suspicion.isOpen)
    }

    @Test func aFreeLockTakesASecondLook() {
        var suspicion = WorkerSuspicion(confirmation: .milliseconds(400))
        let atFirst = suspicion.look(at: [SilentWorker(id: one, isExpired: false)], now: start)
        #expect(atFirst.isEmpty)
        #expect(suspicion.isOpen)
        let both = [SilentWorker(id: one, isExpired: false), SilentWorker(id: two, isExpired: false)]
        let tooSoon = suspicion.look(at: both, now: start + .milliseconds(399))
        #expect(tooSoon.isEmpty)
        let afterAWhile = suspicion.look(at: both, now: start + .milliseconds(400))
        #expect(afterAWhile == [one])
        let laterThanOne = suspicion.look(at: both, now: start + .milliseconds(799))
        #expect(laterThanOne == [two])
    }

    /// A session that broke and was opened anew in between clears the worker.
    @Test func whoSpeaksAgainIsForgotten() {
        var suspicion = WorkerSuspicion(confirmation: .milliseconds(400))
        _ = suspicion.look(at: [SilentWorker(id: one, isExpired: false)], now: start)
        let dead = suspicion.look(at: [], now: start + .seconds(1))
        #expect(dead.isEmpty)
        #expect(!suspicion.isOpen)
        let again = suspicion.look(at: [SilentWorker(id: one, isExpired: false)], now: start + .seconds(2))
        #expect(again.isEmpty)
    }
}
