import Domain
import Testing

@Suite("The pulse of a loop")
struct PulseTests {
    @Test("is stuck where one piece of work takes too long, never where the loop waits")
    func stuck() {
        let start = ContinuousClock.now
        var pulse = Pulse()
        #expect(!pulse.isStuck(at: start + .seconds(1_000), limit: .seconds(10)))
        pulse.works(at: start)
        #expect(!pulse.isStuck(at: start + .seconds(10), limit: .seconds(10)))
        #expect(pulse.isStuck(at: start + .seconds(11), limit: .seconds(10)))
        // The next piece of work.
        pulse.works(at: start + .seconds(11))
        #expect(!pulse.isStuck(at: start + .seconds(20), limit: .seconds(10)))
        pulse.waits()
        #expect(!pulse.isStuck(at: start + .seconds(1_000), limit: .seconds(10)))
    }
}
