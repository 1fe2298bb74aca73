import Domain
import Foundation
import Queues
import Store
import Testing

@testable import Dispatcher

@Suite struct LostMessagesTests {
    @Test func onlyEmptyQueuesLostSomething() {
        let partitioning = Partitioning(count: 1)
        let project = UUID.v7()
        let stale = [StaleEntry(projectID: project, priority: 1, count: 2), StaleEntry(projectID: project, priority: 9, count: 1)]
        let ready = [TaskQueue(partition: 0, lane: .normal): 5, TaskQueue(partition: 0, lane: .urgent): 0]
        #expect(LostMessages.entries(in: stale, ready: ready, partitioning: partitioning) == [stale[1]])
        #expect(LostMessages.queues(of: stale, partitioning: partitioning) == Set(ready.keys))
    }
}
