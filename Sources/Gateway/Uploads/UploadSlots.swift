import Domain
import Synchronization

/// Bounds the uploads at once: each holds memory (see ``UploadHead``) and a file, and in the end a connection to the database.
final class UploadSlots: Sendable {
    private let free: Mutex<Int>

    init(_ count: Int) { free = Mutex(count) }

    /// - Throws: `UnreadBody` with a 503 where all slots are taken; what `body` throws.
    func withSlot<Value>(_ body: () async throws -> Value) async throws -> Value {
        let isTaken = free.withLock { free in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
        guard isTaken else { throw UnreadBody(problem: .unavailable("As many uploads as may are under way. Try again.", retryAfter: 5)) }
        defer { free.withLock { $0 += 1 } }
        return try await body()
    }
}
