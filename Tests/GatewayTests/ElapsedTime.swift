import Synchronization

/// A time that a test moves.
final class ElapsedTime: Sendable {
    private let duration = Mutex(Duration.zero)

    var value: Duration {
        get { duration.withLock { $0 } }
        set { duration.withLock { $0 = newValue } }
    }
}
