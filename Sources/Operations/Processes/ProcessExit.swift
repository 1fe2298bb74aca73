/// How a process ended, as `wait(2)` tells it.
public enum ProcessExit: Sendable, Equatable, CustomStringConvertible {
    /// It ended by itself with this status; 0 is success.
    case exited(Int32)
    /// This signal ended it.
    case signalled(Int32)
    /// Its end could not be observed; the text says why.
    case unknown(String)

    public var isSuccess: Bool { self == .exited(0) }

    public var description: String {
        switch self {
        case .exited(let status): "exited with status \(status)"
        case .signalled(let signal): "was ended by signal \(signal)"
        case .unknown(let reason): "ended unobserved: \(reason)"
        }
    }
}
