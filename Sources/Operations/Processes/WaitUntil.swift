/// Asks `condition` again and again until it is true; false when `limit` has passed first.
///
/// For what can only be asked, never awaited: a pid that goes away, a port that opens. The condition is asked at least once.
/// - Throws: what the condition throws; `CancellationError` when the task is cancelled while it waits.
public func waitUntil(
    within limit: Duration, every interval: Duration = .milliseconds(20), _ condition: () async throws -> Bool
) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    while true {
        if try await condition() { return true }
        if ContinuousClock.now >= deadline { return false }
        try await Task.sleep(for: interval)
    }
}
