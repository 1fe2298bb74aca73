import Testing

@testable import Dispatcher

@Suite struct QueueDepthTargetTests {
    @Test func deepensWhileWorkersTakeAll() {
        var target = QueueDepthTarget(range: 8...64)
        for expected in [8, 16, 32, 64, 64] {
            #expect(target.room == expected)
            target.admitted(target.room)
            #expect(target.room == 0 && target.needsReading)
            target.read(ready: 0)
        }
    }

    /// What the broker has not had yet says nothing of the workers.
    @Test func doesNotDeepenForWhatIsOnItsWay() {
        var target = QueueDepthTarget(range: 8...64)
        target.admitted(8)
        target.read(ready: 0, unpublished: 8)
        #expect(target.target == 8)
        #expect(target.room == 0 && target.taken == 0)
        target.read(ready: 0, unpublished: 2)
        #expect(target.target == 16)
        #expect(target.room == 14 && target.taken == 6)
    }

    @Test func growsShallowWhileNobodyTakesAny() {
        var target = Self.deep()
        for _ in 0..<30 { target.read(ready: target.depth) }
        #expect(target.target == 8)
        #expect(target.room == 0)
    }

    /// Workers that take 10 a round: what waits is little more than two rounds' worth, and never nothing.
    @Test func followsTheWorkersPace() {
        var target = Self.deep()
        for _ in 0..<50 {
            target.admitted(target.room)
            target.read(ready: max(0, target.depth - 10))
            #expect(target.target >= 10)
        }
        #expect((11...40).contains(target.target), "\(target.target)")
    }

    /// A task now and then costs no question to the database.
    @Test func asksOnlyWhenTheEstimateIsHigh() {
        var target = QueueDepthTarget(range: 8...64)
        target.admitted(3)
        #expect(!target.needsReading)
        target.admitted(1)
        #expect(target.needsReading)
    }

    /// At most as far again as the queues should be deep, and a small burst at least.
    @Test func lendsPlacesToNewcomers() {
        var target = QueueDepthTarget(range: 8...64)
        #expect(target.overdraft == 32)
        for (admitted, left) in [(8, 32), (20, 12), (12, 0), (4, 0)] {
            target.admitted(admitted)
            #expect(target.room == 0 && target.overdraft == left)
        }
        var deep = Self.deep()
        #expect(deep.room == 0 && deep.overdraft == deep.target)
        deep.admitted(deep.target)
        #expect(deep.overdraft == 0)
    }

    @Test func waitsLongerWhileThereIsNoRoom() {
        var wait = HeldBackWait(range: .milliseconds(10)...(.milliseconds(100)))
        #expect((0..<6).map { _ in wait.heldBack() } == [10, 20, 40, 80, 100, 100].map { .milliseconds($0) })
        wait.reset()
        #expect(wait.heldBack() == .milliseconds(10))
    }

    private static func deep() -> QueueDepthTarget {
        var target = QueueDepthTarget(range: 8...512)
        for _ in 0..<6 {
            target.admitted(target.room)
            target.read(ready: 0)
        }
        target.admitted(target.room)
        return target
    }
}
