import Domain
import Store
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct PasswordHasherTests {
    /// However many come at once, so many wait, and the rest hear at once that they should come again.
    @Test func thoseWhoWaitAreBounded() async throws {
        let hasher = PasswordHasher(cost: ScryptCost(logRounds: 12, blockSize: 8, parallelism: 1))
        let problems = await withTaskGroup(of: Problem?.self) { group in
            for _ in 0..<300 {
                group.addTask {
                    do {
                        _ = try await hasher.hash(Password(shown: "correct horse battery"))
                        return nil
                    } catch {
                        return error as? Problem
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let refused = problems.compactMap { $0 }
        #expect(problems.count - refused.count >= PasswordHasher.limit)
        #expect(!refused.isEmpty && refused.allSatisfy { $0.status == 503 && $0.retryAfter != nil })
        #expect(try await hasher.matches(Password(shown: "x"), nil) == false, "there is room again")
    }
}
