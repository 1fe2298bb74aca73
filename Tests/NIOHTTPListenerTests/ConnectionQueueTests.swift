import Testing

@testable import NIOHTTPListener

@Suite(.timeLimit(.minutes(1))) struct ConnectionQueueTests {
    @Test func losesNone() async {
        let queue = ConnectionQueue<Int>()
        let taken = Task {
            var taken: [Int] = []
            while let next = await queue.next() { taken += next }
            return taken
        }
        queue.add(1)
        taken.cancel()
        queue.add(2)
        queue.close()
        let all = await taken.value
        #expect(all == [1, 2])
    }
}
