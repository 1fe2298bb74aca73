import FoundationEssentials
import Store

/// Which of the workers that give no sign of life are dead: pure, look after look.
///
/// A lease that ran out is the end. A free lock alone may be a session that broke and is opened anew this moment: it takes a second look
/// some time later.
struct WorkerSuspicion: Sendable, Hashable {
    /// How long a lock must be free: more than a living worker takes to notice that its session is gone, and to open another.
    let confirmation: Duration
    private var firstSeen: [UUID: ContinuousClock.Instant] = [:]

    init(confirmation: Duration) { self.confirmation = confirmation }

    /// Whether another look should follow soon.
    var isOpen: Bool { !firstSeen.isEmpty }

    /// The workers that are dead for sure. Who is not silent any more is forgotten.
    mutating func look(at silent: [SilentWorker], now: ContinuousClock.Instant) -> [UUID] {
        var dead: [UUID] = []
        var suspects: [UUID: ContinuousClock.Instant] = [:]
        for worker in silent {
            let since = firstSeen[worker.id] ?? now
            if worker.isExpired || now - since >= confirmation { dead.append(worker.id) } else { suspects[worker.id] = since }
        }
        firstSeen = suspects
        return dead
    }
}
