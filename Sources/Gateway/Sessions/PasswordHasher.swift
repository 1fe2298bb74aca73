import Dispatch
import Domain
import Store
import Synchronization

/// Hashes passwords beside the event loops, a few at a time: each takes a core for a moment, and tens of megabytes.
final class PasswordHasher: Sendable {
    /// At once: with the standard cost they take 64 MiB together.
    private static let lanes = 2
    /// Those who wait their turn; more are told to come again.
    static let limit = 64

    /// What new hashes cost.
    let cost: ScryptCost
    /// A serial queue each: its thread comes when there is work, and goes.
    private let queues: [DispatchQueue]
    private let state = Mutex((waiting: 0, turn: 0))

    init(cost: ScryptCost) {
        self.cost = cost
        queues = (0..<Self.lanes).map { DispatchQueue(label: "chorus.passwords.\($0)") }
    }

    func hash(_ password: Password) async throws -> PasswordHash {
        try await run { [cost] in try PasswordHash(password: password.text, cost: cost) }
    }

    /// Whether the password has this hash. Without one it takes as long, and is false: who asks cannot tell the two apart.
    func matches(_ password: Password, _ hash: PasswordHash?) async throws -> Bool {
        guard let hash else {
            _ = try await self.hash(password)
            return false
        }
        return try await run { try hash.matches(password.text) }
    }

    /// - Throws: a 503 where too many wait; what `work` throws.
    private func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        let queue = state.withLock { state -> DispatchQueue? in
            guard state.waiting < Self.limit else { return nil }
            state.waiting += 1
            state.turn = (state.turn + 1) % queues.count
            return queues[state.turn]
        }
        guard let queue else { throw Problem.unavailable("Too many people log in at this moment. Try again.", retryAfter: 5) }
        defer { state.withLock { $0.waiting -= 1 } }
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try work() }) }
        }
    }
}
