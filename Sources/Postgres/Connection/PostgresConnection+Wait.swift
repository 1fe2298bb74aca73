import CLibPQ
import SocketExecutor

extension PostgresConnection {
    /// Sends all that libpq holds back, reading meanwhile: a server whose own output is not read may stop to read.
    func flush(_ pointer: OpaquePointer, until deadline: ContinuousClock.Instant) throws(PostgresError) {
        while true {
            switch PQflush(pointer) {
            case 0: return
            case 1: try wait(pointer, for: [.readable, .writable], until: deadline)
            // The server may have said why it closed; that is read as a result.
            default: return
            }
        }
    }

    /// The next result, nil at the end of a statement's results.
    func nextResult(_ pointer: OpaquePointer, until deadline: ContinuousClock.Instant) throws(PostgresError) -> LibPQResult? {
        while PQisBusy(pointer) == 1 {
            try wait(pointer, for: .readable, until: deadline)
        }
        return PQgetResult(pointer).map { LibPQResult($0) }
    }

    /// Waits and reads what has come. Past the deadline the connection is closed: its answer would meet the wrong question.
    func wait(
        _ pointer: OpaquePointer, for readiness: SocketExecutor.Readiness, until deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        let ready = executor.block(on: PQsocket(pointer), for: readiness, until: deadline)
        guard !ready.isEmpty else { throw fail(.timedOut, "the server did not answer in time") }
        guard ready != .writable else { return }
        // A closed socket: an error that came before it is still in libpq's buffer, and comes out as a result.
        if PQconsumeInput(pointer) == 0, PQstatus(pointer) == CONNECTION_BAD, PQisBusy(pointer) == 1 { throw lost(pointer) }
    }

    /// Closes the connection, with libpq's reason.
    func lost(_ pointer: OpaquePointer) -> PostgresError {
        fail(.connectionLost, LibPQResult.trimmed(PQerrorMessage(pointer)))
    }

    /// The error that a result stands for; closes the connection if it was its last words.
    func serverError(_ result: borrowing LibPQResult, _ pointer: OpaquePointer, startedAt start: ContinuousClock.Instant) -> PostgresError {
        var error = result.error()
        if PQstatus(pointer) == CONNECTION_BAD || error.sqlState?.isEndOfSession == true {
            error.code = .connectionLost
            close()
        } else if error.sqlState == "25006" {
            // A standby, or set to read only: another host of the URL, or a later session with this one, may take writes.
            close()
        } else if error.sqlState == "57014" {
            // Query cancelled: by us, by the server's statement_timeout, or by an administrator.
            if cancellation?.wasSent == true {
                error.code = .cancelled
            } else if ContinuousClock.now - start >= configuration.statementTimeout {
                error.code = .timedOut
            }
        }
        return error
    }

    /// Marks the connection as busy, unless the task is cancelled. `isControl` statements (ROLLBACK) run in a cancelled task too.
    func beginStatement(isControl: Bool) throws(PostgresError) {
        guard !isControl else { return }
        if Task.isCancelled || cancellation?.beginStatement() == false {
            throw PostgresError(.cancelled, "cancelled before the statement was sent")
        }
    }
}

extension String {
    /// Whether the SQLSTATE means that the server ends the session right after it.
    fileprivate var isEndOfSession: Bool { ["57P01", "57P02", "57P05", "25P03"].contains(self) }
}
