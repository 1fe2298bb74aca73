import AMQP
import Queues
public import Store
import Synchronization

extension DispatcherService {
    /// Stores tasks, and admits them with the same commit where nothing waits before them and the queues have room; the rest takes its turn.
    ///
    /// The gateway's group commit calls this. It returns when the tasks are durable; their messages follow.
    public func accept(_ submissions: [Submission]) async -> [Result<Acceptance, any Error>] {
        let count = submissions.reduce(0) { $0 + $1.size }
        let room = publisher.takesMessages ? directAdmission.take(upTo: count) : 0
        let start = ContinuousClock.now
        let outcomes = await store.accept(submissions, admitting: room, held: gateBook.held)
        let stored = zip(submissions, outcomes).reduce(0) { (try? $1.1.get()) == nil ? $0 : $0 + $1.0.size }
        accepted.add(stored, ordering: .relaxed)
        let admitted = outcomes.flatMap { (try? $0.get())?.admitted ?? [] }
        metrics.accepted(stored, of: count, admitted: admitted.count, after: .now - start)
        outbox.put(admitted)
        let isLookDue = directAdmission.used(
            admitted.count, in: Set(admitted.map { $0.queue(configuration.partitioning) }), unused: room - admitted.count)
        if admitted.count < count { newcomers.note(submissions.lazy.map(\.projectID)) }
        if isLookDue || admitted.count < count { poke() }
        return outcomes
    }
}
