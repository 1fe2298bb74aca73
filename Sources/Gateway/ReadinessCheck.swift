/// Something that must work before a balancer sends requests here.
public struct ReadinessCheck: Sendable {
    /// What `/readyz` calls it.
    public let name: String
    /// Without an optional part requests are still taken: it shows as a warning.
    let isOptional: Bool
    let check: @Sendable () async throws -> Void

    /// `check` throws where the part does not work, and ends when its task is cancelled.
    public init(name: String, isOptional: Bool = false, check: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.isOptional = isOptional
        self.check = check
    }

    struct TimedOut: Error {}

    /// Runs the check, for no longer than `timeout`.
    func run(within timeout: Duration) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await check() }
            group.addTask {
                try await ContinuousClock().sleep(for: timeout)
                throw TimedOut()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
