import Synchronization

/// What the dispatcher is told while it is busy: each kind once, so that a stream of accepted tasks drowns nothing else.
final class DispatcherSignals: Sendable {
    struct Kinds: OptionSet, Sendable {
        let rawValue: Int

        /// Tasks may wait that could run.
        static let work = Kinds(rawValue: 1)
        /// A project was created.
        static let project = Kinds(rawValue: 2)
        /// The broker is there again.
        static let reconnected = Kinds(rawValue: 4)
        /// A tick has passed.
        static let tick = Kinds(rawValue: 8)
    }

    private let told = Mutex(Kinds())
    private let wakeUp: AsyncStream<Void>.Continuation
    /// Something was told since `take()`. One reader.
    let wakeUps: AsyncStream<Void>

    init() {
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func tell(_ kinds: Kinds) {
        told.withLock { $0.formUnion(kinds) }
        wakeUp.yield()
    }

    /// Everything that was told since the last time.
    func take() -> Kinds {
        told.withLock { told in
            defer { told = [] }
            return told
        }
    }
}
