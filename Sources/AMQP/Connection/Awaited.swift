/// A value that one task waits for, and that may come before it does.
///
/// Between what an actor's method does and the continuation of its next `await` lies a point at which other jobs may run: a task that prefers
/// an executor (SE-0417) is enqueued anew there even though it stays on its actor. So the place for the value is made before that.
enum Awaited<Value: Sendable> {
    /// Can transition to waited for, or arrived.
    case expected
    /// Ends with the value.
    case waitedFor(CheckedContinuation<Value, Never>)
    /// Ends with whoever waits for it.
    case arrived(Value)

    var hasArrived: Bool { if case .arrived = self { true } else { false } }

    /// The value is there; returns whether somebody got it.
    mutating func arrive(_ value: Value) -> Bool {
        if case .waitedFor(let continuation) = self {
            continuation.resume(returning: value)
            return true
        }
        self = .arrived(value)
        return false
    }

    /// Somebody waits; returns whether the value was there.
    mutating func wait(_ continuation: CheckedContinuation<Value, Never>) -> Bool {
        if case .arrived(let value) = self {
            continuation.resume(returning: value)
            return true
        }
        self = .waitedFor(continuation)
        return false
    }
}
