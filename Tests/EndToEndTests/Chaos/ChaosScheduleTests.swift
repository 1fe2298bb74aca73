import Testing

/// The schedule alone, without a system.
@Suite struct ChaosScheduleTests {
    @Test func theSameSeedMakesTheSameSchedule() {
        #expect(ChaosSchedule(seed: 7, length: .seconds(60)) == ChaosSchedule(seed: 7, length: .seconds(60)))
        #expect(ChaosSchedule(seed: 7, length: .seconds(60)).events != ChaosSchedule(seed: 8, length: .seconds(60)).events)
    }

    @Test(arguments: [1, 2, 3, .max] as [UInt64])
    func aLongOneHasEveryFault(seed: UInt64) {
        let faults = Set(ChaosSchedule(seed: seed, length: .seconds(600)).events.map(\.fault))
        #expect(faults == Set(ChaosFault.allCases))
    }

    @Test func aShortOneIsAChoice() {
        let choices = Set((1...50).map { seed in ChaosSchedule(seed: seed, length: .seconds(35)).events.map(\.fault) })
        #expect(choices.count == 50)
        #expect(choices.allSatisfy { (10...60).contains($0.count) })
    }

    @Test func faultsOverlapButNotOnOneTarget() {
        let events = (1...20).flatMap { seed in [ChaosSchedule(seed: seed, length: .seconds(120)).events] }
        for events in events {
            #expect(events.allSatisfy { $0.fault.targets.contains($0.target) && $0.start < .seconds(120) })
            for (index, event) in events.enumerated() {
                let later = events.dropFirst(index + 1)
                #expect(later.allSatisfy { $0.target != event.target || $0.start >= event.start + event.lasting })
            }
            let struckWhileAway = events.contains { away in
                away.target == .database
                    && events.contains { $0.target != .database && (away.start..<away.start + away.lasting).contains($0.start) }
            }
            #expect(struckWhileAway)
        }
    }
}
