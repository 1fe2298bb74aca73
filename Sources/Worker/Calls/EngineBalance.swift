import Domain
import Synchronization

/// Whom a task that balances its engines asks first: this worker's own view, which each call feeds.
///
/// `isClosed` is where somebody who knows more (a circuit breaker, the fleet's limits) says that an engine takes no calls now.
final class EngineBalance: Sendable {
    private let loads = Mutex(EngineLoads())
    private let isClosed: @Sendable (String) -> Bool

    init(isClosed: @escaping @Sendable (String) -> Bool = { _ in false }) { self.isClosed = isClosed }

    func began(_ engine: String) { loads.withLock { $0.began(engine) } }

    func ended(_ engine: String, failed: Bool?) { loads.withLock { $0.ended(engine, failed: failed, at: .now) } }

    /// The positions of `engines`, the best first.
    func order(of engines: [String]) -> [Int] {
        loads.withLock { $0.order(of: engines, at: .now, isClosed: isClosed) }
    }
}
