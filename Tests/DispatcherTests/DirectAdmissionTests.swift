import Domain
import Queues
import Testing

@testable import Dispatcher

@Suite struct DirectAdmissionTests {
    private static let queue = TaskQueue(partition: 3, lane: .normal)

    @Test func isClosedUntilTheDispatcherHasLooked() {
        let direct = DirectAdmission()
        #expect(direct.take(upTo: 5) == 0)
        #expect(direct.used(0, in: [], unused: 0), "the dispatcher is asked to look")
    }

    @Test func givesAsManyPlacesAsThereAre() {
        let direct = DirectAdmission()
        direct.open(room: 8)
        #expect(direct.take(upTo: 3) == 3)
        #expect(!direct.used(3, in: [Self.queue], unused: 0), "more than half is left")
        #expect(direct.take(upTo: 9) == 5)
        #expect(direct.take(upTo: 1) == 0)
        #expect(direct.used(5, in: [Self.queue], unused: 0), "nothing is left")
    }

    @Test func takesBackPlacesThatNobodyNeeded() {
        let direct = DirectAdmission()
        direct.open(room: 8)
        #expect(direct.take(upTo: 8) == 8)
        #expect(direct.underWay == 8)
        #expect(!direct.used(2, in: [Self.queue], unused: 6))
        #expect(direct.underWay == 0 && direct.collect().count == 2)
        #expect(direct.take(upTo: 8) == 6)
    }

    @Test func tellsWhatWasAdmittedOnce() {
        let direct = DirectAdmission()
        direct.open(room: 8)
        _ = direct.take(upTo: 2)
        #expect(direct.collect().count == 0, "it is not admitted before its acceptance has ended")
        _ = direct.used(2, in: [Self.queue], unused: 0)
        let news = direct.collect()
        #expect(news.count == 2 && news.queues == [Self.queue])
        #expect(direct.collect().count == 0 && direct.collect().queues.isEmpty)
    }

    /// The dispatcher's figure is from before its look: what was taken or admitted during the look has had its places already.
    @Test func countsWhatHappenedDuringTheLook() {
        let direct = DirectAdmission()
        direct.open(room: 8)
        _ = direct.collect()
        _ = direct.take(upTo: 3)
        _ = direct.used(3, in: [Self.queue], unused: 0)
        _ = direct.take(upTo: 3)
        direct.open(room: 8)
        #expect(direct.take(upTo: 8) == 2)
    }

    /// Places that were taken before something waited do not open it again.
    @Test func staysClosed() {
        let direct = DirectAdmission()
        direct.open(room: 8)
        #expect(direct.take(upTo: 8) == 8)
        direct.close()
        #expect(direct.used(0, in: [], unused: 8))
        #expect(direct.take(upTo: 1) == 0)
    }
}
