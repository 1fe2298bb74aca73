import Store

/// For how long the worker may count itself as alive: pure. A term that has ended does not come back; another one begins under a new
/// identity.
struct LeaseTerm: Sendable {
    private let length: Duration
    private var worker: WorkerIdentity?
    private var renewedAt: ContinuousClock.Instant?

    init(length: Duration) { self.length = length }

    /// Who holds the lease; nil from the moment on at which others may take the worker for dead.
    func holder(at now: ContinuousClock.Instant) -> WorkerIdentity? {
        guard let worker, let renewedAt, now - renewedAt < length else { return nil }
        return worker
    }

    /// When the term ends without another renewal; nil where none runs.
    var end: ContinuousClock.Instant? { worker == nil ? nil : renewedAt?.advanced(by: length) }

    mutating func begin(_ worker: WorkerIdentity, at now: ContinuousClock.Instant) {
        self.worker = worker
        renewedAt = now
    }

    /// False where this worker's term is over.
    mutating func renew(_ worker: WorkerIdentity, at now: ContinuousClock.Instant) -> Bool {
        guard self.worker == worker, let renewedAt else { return false }
        self.renewedAt = max(renewedAt, now)
        return true
    }

    /// The worker whose term has just ended for want of a renewal; told once.
    mutating func expire(at now: ContinuousClock.Instant) -> WorkerIdentity? {
        guard let worker, holder(at: now) == nil else { return nil }
        self.worker = nil
        return worker
    }

    /// Ends the worker's term; true where it had not ended before.
    mutating func end(_ worker: WorkerIdentity) -> Bool {
        guard self.worker == worker else { return false }
        self.worker = nil
        return true
    }
}
