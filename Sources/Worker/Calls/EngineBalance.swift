import Domain
import Engines
import Synchronization

/// Whom a task that balances its engines asks first: this worker's own view, which each call feeds.
final class EngineBalance: Sendable {
    private let loads = Mutex(EngineLoads())

    func began(_ engine: String) { loads.withLock { $0.began(engine) } }

    /// - Parameter failed: nil where the call says nothing about the engine.
    func ended(_ engine: String, failed: Bool?) { loads.withLock { $0.ended(engine, failed: failed, at: .now) } }

    func ended(_ engine: String, _ result: Result<EngineAnswer, EngineError>) {
        switch result {
        case .success: ended(engine, failed: false)
        case .failure(let error): ended(engine, failed: error.isEnginesFault)
        }
    }

    /// The positions of `engines`, the best first.
    ///
    /// - Parameter isClosed: where somebody who knows more (a circuit breaker, the fleet's limits) says that an engine takes no calls now.
    func order(of engines: [String], isClosed: (String) -> Bool = { _ in false }) -> [Int] {
        loads.withLock { $0.order(of: engines, at: .now, isClosed: isClosed) }
    }
}

extension EngineError {
    /// Whether the engine is in trouble: nil where that cannot be told, because the request was at fault or its caller stopped it. A key that
    /// is refused, or a path that is not there, is trouble for every request.
    fileprivate var isEnginesFault: Bool? {
        switch kind {
        case .notSent, .refused, .passing, .unknown: true
        case .permanent: [401, 403, 404].contains(statusCode) ? true : nil
        case .held, .cancelled: nil
        }
    }
}
