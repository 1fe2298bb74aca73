import CLibPQ
import SocketExecutor

/// What became of a lease of a pooled connection.
enum PostgresLease<Output: Sendable>: Sendable {
    /// The connection was dead before the caller's work began: another one may do it.
    case stale
    case finished(Result<Output, any Error>, isReusable: Bool)
}

extension PostgresConnection {
    /// Runs work of several calls on the connection's thread, in one crossing, for a connection outside of any pool.
    ///
    /// If the caller's task is cancelled, a running statement is too; the connection is then closed, because the request could hit a
    /// later statement. A transaction left open is rolled back. Throws `.connectionLost` for a connection found dead.
    public func perform<Output: Sendable>(
        _ body: @Sendable (isolated PostgresConnection) async throws -> Output
    ) async throws -> Output {
        _ = try openPointer()
        switch await lease(body) {
        case .stale: throw PostgresError(.connectionLost, "the server has closed the connection")
        case .finished(let result, _): return try result.get()
        }
    }

    /// Lends the connection in one crossing: looks whether it lives, runs the caller's work, leaves it clean or closed.
    func lease<Output: Sendable>(
        _ body: @Sendable (isolated PostgresConnection) async throws -> Output
    ) async -> PostgresLease<Output> {
        guard isAlive(), let cancellation else {
            close()
            return .stale
        }
        cancellation.beginLease()
        let result: Result<Output, any Error>
        do {
            result = .success(
                try await withTaskCancellationHandler {
                    try await body(self)
                } onCancel: {
                    cancellation.request()
                })
        } catch {
            result = .failure(error)
        }
        return .finished(result, isReusable: endLease())
    }

    private func endLease() -> Bool {
        if cancellation?.wasSent == true { close() }
        rollBack()
        return handle != nil
    }

    /// Looks at the socket of an idle connection: a server that went away has left word there.
    func isAlive() -> Bool {
        guard let pointer = handle?.pointer else { return false }
        // Some rounds, as a farewell message may come before the end of the stream.
        for _ in 0..<8 {
            guard !executor.block(on: PQsocket(pointer), for: .readable, until: .now).isEmpty else { return true }
            guard PQconsumeInput(pointer) == 1 else { return false }
            _ = PQisBusy(pointer)
            deliverNotifications(pointer)
            // It has said farewell: the end of the stream follows when its process is gone.
            if notices.sessionHasEnded { return false }
        }
        return PQstatus(pointer) == CONNECTION_OK
    }
}
