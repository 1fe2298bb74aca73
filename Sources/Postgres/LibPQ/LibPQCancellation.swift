import CLibPQ
import SocketExecutor
import Synchronization

/// Asks the server to give up a connection's running statement; callable from any thread.
///
/// A request may reach the server after its statement has ended and then hit the next one. So a connection for which one was sent is
/// not reused after its lease (`wasSent`).
///
/// Sendable though it holds a pointer: a `PGcancel` never changes after its creation, and lives until the last reference goes.
final class LibPQCancellation: @unchecked Sendable {
    private struct State {
        var isRequested = false
        var isRunning = false
        var wasSent = false
    }

    private let pointer: OpaquePointer
    private let state = Mutex(State())

    /// Nil if libpq finds no memory, or the connection is not open.
    init?(of connection: OpaquePointer) {
        guard let pointer = PQgetCancel(connection) else { return nil }
        self.pointer = pointer
    }

    deinit { PQfreeCancel(pointer) }

    var wasSent: Bool { state.withLock { $0.wasSent } }

    /// A request of the lease before, which found nothing running, is over.
    func beginLease() {
        state.withLock { $0.isRequested = false }
    }

    /// False if cancellation was asked for already: the statement must not be sent.
    func beginStatement() -> Bool {
        state.withLock { state in
            if !state.isRequested { state.isRunning = true }
            return !state.isRequested
        }
    }

    func endStatement() {
        state.withLock { $0.isRunning = false }
    }

    func request() {
        let mustSend = state.withLock { state in
            let mustSend = state.isRunning && !state.wasSent
            state.isRequested = true
            if mustSend { state.wasSent = true }
            return mustSend
        }
        guard mustSend else { return }
        // Unstructured, because cancellation handlers cannot wait; bounded, because a connection sends at most one.
        Task {
            await CancellationCourier().deliver(self)
        }
    }

    fileprivate func send() {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
            _ = PQcancel(pointer, message.baseAddress, Int32(message.count))
        }
    }
}

/// A thread for one `PQcancel`, which connects anew, waits for the server's answer, and knows no deadline.
private actor CancellationCourier {
    private nonisolated let executor = SocketExecutor(name: "pg-cancel")

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    deinit { executor.shutDown() }

    func deliver(_ cancellation: LibPQCancellation) {
        cancellation.send()
    }
}
