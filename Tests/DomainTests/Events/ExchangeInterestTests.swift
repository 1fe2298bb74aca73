import Domain
import Testing

/// When all events are written down, and when not any more.
@Suite(.timeLimit(.minutes(1))) struct ExchangeInterestTests {
    private let start = ContinuousClock.now

    @Test func nothingIsWrittenDownWhileNobodyTakesAnything() {
        var interest = ExchangeInterest()
        for second in 0..<1_000 {
            #expect(interest.published(taken: false, at: start + .seconds(second)) == .none)
        }
    }

    @Test func theFirstThatIsTakenBeginsItOnce() {
        var interest = ExchangeInterest()
        #expect(interest.published(taken: true, at: start) == .begin)
        #expect(interest.published(taken: true, at: start + .seconds(1)) == .none)
        #expect(interest.isFresh(at: start + .seconds(2)))
        #expect(!interest.isFresh(at: start + .seconds(7)))
    }

    @Test func itGoesOnForAMinuteBehindTheLastThatWasTaken() {
        var interest = ExchangeInterest()
        _ = interest.published(taken: true, at: start)
        let actions = (1...120).map { interest.published(taken: $0 == 30, at: start + .seconds($0)) }
        let renewals = actions.enumerated().filter { $0.element == .renew }.map { $0.offset + 1 }
        #expect(renewals == [20, 40, 60, 80])
        #expect(!actions.contains(.begin))
        // The listener's life ends in between, whoever has the turn.
        #expect(.seconds(80) + ExchangeInterest.lifetime < .seconds(300))
    }

    @Test func whoTakesOverGoesOnForAMinute() {
        var interest = ExchangeInterest()
        interest.isLogging(at: start)
        #expect(interest.published(taken: false, at: start + .seconds(1)) == .none)
        #expect(interest.published(taken: false, at: start + .seconds(25)) == .renew)
        #expect(interest.published(taken: false, at: start + .seconds(61)) == .none)
        interest.ended()
        #expect(interest.published(taken: true, at: start + .seconds(300)) == .begin)
    }
}
