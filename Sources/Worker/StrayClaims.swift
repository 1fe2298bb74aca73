import Store

/// Finds claims that the database holds for this worker and that nobody here runs: the answer to a claim was lost with its connection, or
/// the outcome with a database that made way for an older copy of itself. Pure.
struct StrayClaims {
    private var suspected: Set<TaskClaim> = []

    /// One look, at `assigned`, the worker's claims by the database, and at `held` after that, those that run or are being recorded here.
    /// Gives those that were nobody's at the last look either: what is new may be on its way here.
    mutating func look(assigned: [TaskClaim], held: [TaskClaim]) -> [TaskClaim] {
        let stray = Set(assigned).subtracting(held)
        let confirmed = stray.intersection(suspected)
        suspected = stray.subtracting(confirmed)
        return Array(confirmed)
    }
}
