import Synchronization

/// Takes down how a call ended, once: from whoever knows it first.
final class SimulatedEnding: Sendable {
    private let isKnown = Atomic(false)
    private let takeDown: @Sendable (_ status: Int) -> Void

    init(_ takeDown: @escaping @Sendable (_ status: Int) -> Void) {
        self.takeDown = takeDown
    }

    @Sendable func known(_ status: Int) {
        if !isKnown.exchange(true, ordering: .sequentiallyConsistent) { takeDown(status) }
    }
}
