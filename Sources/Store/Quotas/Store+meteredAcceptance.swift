import Domain
import FoundationEssentials
import Postgres

/// Tasks of projects that quotas bound.
///
/// The statement that stores tasks takes theirs as well while their quotas have room; the trigger on `tasks` locks these at its end, counts,
/// and fails the statement where they are more than there is room for. What it leaves out follows in a transaction that locks the quotas
/// first, and stores what fits; what does not is refused. Nobody holds such a lock for longer than a batch takes: an upload counts its tasks
/// when all are stored.
extension Store {
    typealias Outcomes = [Result<Acceptance, any Error>]

    /// The outcomes of a batch whose statement has committed, with those of the submissions that it left out. Throws nothing: what was
    /// stored must not be tried again.
    func acceptingMetered(_ submissions: [Submission], _ outcomes: Outcomes) async -> Outcomes {
        let left = Self.leftOut(of: outcomes)
        guard !left.isEmpty else { return outcomes }
        let metered: [Int]
        do {
            let query = Self.openProjects(among: left.map { submissions[$0].projectID })
            let ids: [UUID] = try await database.query(query) { try $0.decode(UUID.self) }
            metered = left.filter { ids.contains(submissions[$0].projectID) }
        } catch {
            return Self.replacing(left, in: outcomes, with: left.map { _ in .failure(error) })
        }
        let others = await acceptMetered(metered.map { submissions[$0] })
        return Self.replacing(metered, in: outcomes, with: others)
    }

    private func acceptMetered(_ submissions: [Submission]) async -> Outcomes {
        guard !submissions.isEmpty else { return [] }
        do {
            return try await retryingDeadlocks {
                try await withOpenQuotas(of: submissions.map(\.projectID)) {
                    try await database.transaction { connection in
                        try Self.acceptMetered(submissions, FamilyRules(parents: [:]), connection)
                    }
                }
            }
        } catch let error as PostgresError where submissions.count > 1 && !error.isRetryable {
            // One of them must not take the others down.
            var outcomes: Outcomes = []
            for submission in submissions { outcomes += await acceptMetered([submission]) }
            return outcomes
        } catch {
            return submissions.map { _ in .failure(error) }
        }
    }

    /// The same within the transaction of the statement.
    static func acceptingMetered(
        _ submissions: [Submission], _ outcomes: Outcomes, _ rules: FamilyRules, _ connection: isolated PostgresConnection
    ) throws -> Outcomes {
        let left = leftOut(of: outcomes)
        guard !left.isEmpty else { return outcomes }
        let ids = try connection.query(openProjects(among: left.map { submissions[$0].projectID })).map { try $0.decode(UUID.self) }
        let metered = left.filter { ids.contains(submissions[$0].projectID) }
        guard !metered.isEmpty else { return outcomes }
        return replacing(metered, in: outcomes, with: try acceptMetered(metered.map { submissions[$0] }, rules, connection))
    }

    /// - Throws: `QuotasAreDue`.
    private static func acceptMetered(
        _ submissions: [Submission], _ rules: FamilyRules, _ connection: isolated PostgresConnection
    ) throws -> Outcomes {
        let projectIDs = Array(Set(submissions.map(\.projectID)))
        // Tasks refer to whoever hands them in: accounts are held before their quotas, whether tasks or quotas come first.
        try connection.execute(
            "SELECT 1 FROM accounts WHERE user_id = ANY (\(Array(Set(submissions.map(\.userID))))) ORDER BY user_id FOR KEY SHARE")
        var book = try lockQuotas([.tasks], lookingAt: QuotaType.spending, of: projectIDs, opens: false, connection)
        let problems = submissions.map { refusal(of: $0.size, in: $0.projectID, &book) }
        let fitting = zip(submissions, problems).compactMap { $1 == nil ? $0 : nil }
        let stored = fitting.isEmpty ? [] : try store(fitting, .all, rules, connection)
        var next = stored.makeIterator()
        return problems.compactMap { problem in problem.map { .failure($0) } ?? next.next() }
    }

    /// Lets the rest of the transaction store tasks of the project that nobody counts before `countTasks`, and gives what its quotas leave
    /// until then. Throws `QuotasAreDue`.
    static func deferCounting(of projectID: UUID, _ connection: isolated PostgresConnection) throws -> QuotaBook {
        try connection.execute("SELECT set_config('chorus.counts_tasks_itself', 'on', true)")
        return try lockQuotas([], lookingAt: QuotaType.allCases, of: [projectID], opens: false, connection)
    }

    /// Counts tasks that the transaction has stored since `deferCounting`. Throws a 429 where a quota does not allow as many;
    /// `QuotasAreDue`. Index: `usage_quotas_pkey`.
    static func countTasks(_ number: Int, of projectID: UUID, _ connection: isolated PostgresConnection) throws {
        var book = try lockQuotas([.tasks], lookingAt: QuotaType.spending, of: [projectID], opens: false, connection)
        if let problem = refusal(of: number, in: projectID, &book) { throw problem }
        let ids = book.quotas(of: projectID).filter { $0.type == .tasks }.map(\.id)
        guard !ids.isEmpty else { return }
        try connection.execute("UPDATE usage_quotas SET current_usage = current_usage + \(number) WHERE quota_id = ANY (\(ids))")
    }

    /// Takes `number` tasks from the book, or says why not.
    static func refusal(of number: Int, in projectID: UUID, _ book: inout QuotaBook) -> Problem? {
        if let quota = book.exhausted(QuotaType.spending, of: projectID) { return .exhausted(quota, wanted: 1, at: Date()) }
        switch book.take([.tasks: number], of: projectID) {
        case .taken: return nil
        case .waits(let quota), .exceeds(let quota): return .exhausted(quota, wanted: number, at: Date())
        }
    }

    /// Places of the submissions of which nothing was stored: their projects are metered, or take no tasks, or their keys are taken.
    private static func leftOut(of outcomes: Outcomes) -> [Int] {
        outcomes.indices.filter { if case .failure = outcomes[$0] { true } else { false } }
    }

    private static func replacing(_ places: [Int], in outcomes: Outcomes, with others: Outcomes) -> Outcomes {
        var outcomes = outcomes
        for (place, other) in zip(places, others) { outcomes[place] = other }
        return outcomes
    }

    /// Those that take tasks: the statement left theirs out because the projects were metered, whether they still are or not; or because
    /// the keys are taken, and it will again. Index: `projects_pkey`.
    private static func openProjects(among ids: [UUID]) -> PostgresQuery {
        "SELECT project_id FROM projects WHERE project_id = ANY (\(ids)) AND status IN ('active', 'paused')"
    }
}
