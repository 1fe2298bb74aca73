import Domain
import Testing

@Suite struct FleetBacklogTests {
    private static func lane(runnable: Int = 0, inQueue: Int = 0, oldest: Double? = nil) -> FleetBacklog.InLane {
        var lane = FleetBacklog.InLane()
        (lane.runnable, lane.inQueue, lane.oldest) = (runnable, inQueue, oldest)
        return lane
    }

    @Test("A lane waits for what stands in it and in those before it")
    func lanes() {
        let backlog = FleetBacklog(
            lanes: [.low: Self.lane(runnable: 100), .high: Self.lane(runnable: 20, inQueue: 5), .urgent: Self.lane(inQueue: 5)], pace: 5)
        #expect(Lane.allCases.map(backlog.seconds) == [26, 6, 6, 1])
    }

    @Test("Without a pace it is as long as the oldest has waited; nothing waits for nothing")
    func withoutPace() {
        var backlog = FleetBacklog(lanes: [.normal: Self.lane(runnable: 3, oldest: 4), .urgent: Self.lane(inQueue: 1, oldest: 9)])
        #expect(Lane.allCases.map(backlog.seconds) == [9, 9, 9, 9])
        backlog.lanes[.urgent] = nil
        #expect(Lane.allCases.map(backlog.seconds) == [4, 4, 0, 0])
        #expect(FleetBacklog().seconds(of: .low) == 0)
    }
}
