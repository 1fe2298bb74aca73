import Testing

@testable import Worker

@Suite struct CircuitBreakerTests {
    private let start = ContinuousClock.now

    private func breaks(_ breaker: inout CircuitBreaker, isBad: Bool, after time: Duration) -> Bool {
        breaker.record(isBad: isBad, at: start + time)
    }

    @Test func fewCallsTellNothing() {
        var breaker = CircuitBreaker()
        for call in 0..<19 { #expect(!breaks(&breaker, isBad: true, after: .milliseconds(call))) }
        #expect(breaks(&breaker, isBad: true, after: .milliseconds(20)))
    }

    @Test func halfOfTheCallsBreakIt() {
        var breaker = CircuitBreaker()
        for call in 0..<100 { #expect(!breaks(&breaker, isBad: call % 5 < 2, after: .milliseconds(call)), "two of five do not") }
        var count = 0
        for call in 100..<300 where breaks(&breaker, isBad: call % 5 < 4, after: .milliseconds(call)) { count += 1 }
        #expect(count > 0)
    }

    /// What was good long ago does not hide what is bad now.
    @Test func whatIsOldIsForgotten() {
        var breaker = CircuitBreaker()
        for call in 0..<1_000 { _ = breaks(&breaker, isBad: false, after: .milliseconds(call)) }
        for call in 0..<19 { #expect(!breaks(&breaker, isBad: true, after: .seconds(31) + .milliseconds(call))) }
        #expect(breaks(&breaker, isBad: true, after: .seconds(32)))
        #expect(!breaks(&breaker, isBad: true, after: .seconds(32)), "it began anew")
    }
}
