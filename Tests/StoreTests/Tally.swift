import Synchronization

/// What went so far, and whether somebody writes still.
final class Tally: Sendable {
    private let state: Mutex<(gone: Int, writers: Int)>

    init(writers: Int) { state = Mutex((0, writers)) }

    var gone: Int { state.withLock { $0.gone } }
    var goesOn: Bool { state.withLock { $0.writers > 0 } }
    func add(_ tasks: Int) { state.withLock { $0.gone += tasks } }
    func end() { state.withLock { $0.writers -= 1 } }
}
