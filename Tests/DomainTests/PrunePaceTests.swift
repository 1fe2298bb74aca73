import Domain
import Testing

@Suite struct PrunePaceTests {
    @Test(
        arguments: [
            (0.2, nil, 500, Duration.milliseconds(100), Duration.milliseconds(400)),
            (1, nil, 500, .milliseconds(100), .zero),
            // 500 tasks at 1,000 a second take half a second, whatever of it the batch took.
            (1, 1_000, 500, .milliseconds(100), .milliseconds(400)),
            (1, 1_000, 0, .milliseconds(100), .zero),
            // The longer rest counts.
            (0.2, 1_000, 500, .milliseconds(200), .milliseconds(800)),
            (0.2, 100, 500, .milliseconds(200), .milliseconds(4_800)),
            // What is out of range is held in it.
            (0, nil, 1, .milliseconds(1), .milliseconds(99)),
            (7, -3, 1, .seconds(1), .zero),
        ] as [(Double, Double?, Int, Duration, Duration)])
    func rests(share: Double, rate: Double?, tasks: Int, took: Duration, rest: Duration) {
        let found = PrunePace(share: share, rate: rate).rest(after: tasks, took: took)
        #expect(abs((found - rest) / .milliseconds(1)) < 0.001, "\(found)")
    }
}
