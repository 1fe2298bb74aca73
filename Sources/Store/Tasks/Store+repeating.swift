import Domain
import FoundationEssentials
import Postgres

extension Store {
    /// Looks up what those with keys are to be answered that were not accepted: the first answer where there is one. One statement, and none
    /// where all of them were.
    func repeating(_ submissions: [Submission], _ outcomes: [KeyedOutcome]) async -> [Result<Acceptance, any Error>] {
        let open = zip(submissions, outcomes).compactMap { $1.mayBeRepeated ? $0.idempotency?.request.key : nil }
        guard !open.isEmpty else { return outcomes.map(\.result) }
        let remembered: [IdempotencyKey: RememberedAnswer]
        do {
            remembered = try await self.remembered(Array(Set(open)))
        } catch {
            return outcomes.map { $0.mayBeRepeated ? .failure(error) : $0.result }
        }
        return zip(submissions, outcomes).map { submission, outcome in
            guard let request = submission.idempotency?.request, outcome.mayBeRepeated else { return outcome.result }
            guard let answer = remembered[request.key] else { return outcome.withoutAnswer }
            do throws(Problem) {
                return .success(Acceptance(acceptedAt: answer.createdAt, repeated: try answer.matching(request.digest)))
            } catch {
                return .failure(error)
            }
        }
    }
}
