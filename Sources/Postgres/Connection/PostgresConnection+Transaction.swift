import CLibPQ
import Logging

extension PostgresConnection {
    /// Runs `body` between BEGIN and COMMIT; an error rolls back and is rethrown.
    ///
    /// Throws `.invalidQuery` inside a transaction, and `.server` with 25P02 if `body` swallowed an error that had aborted the
    /// transaction. After `.connectionLost` or `.timedOut` from COMMIT the outcome is unknown.
    public func transaction<Result>(
        _ mode: PostgresTransactionMode = .standard, _ body: (isolated PostgresConnection) async throws -> Result
    ) async throws -> Result {
        guard PQtransactionStatus(try openPointer()) == PQTRANS_IDLE else {
            throw PostgresError(.invalidQuery, "a transaction is open already")
        }
        _ = try run([PostgresQuery(unescaped: mode.rawValue)])
        do {
            let result = try await body(self)
            try commit()
            return result
        } catch {
            rollBack()
            throw error
        }
    }

    /// The server answers COMMIT of an aborted transaction with ROLLBACK, and no error: so its state is looked at first.
    private func commit() throws(PostgresError) {
        guard PQtransactionStatus(try openPointer()) != PQTRANS_INERROR else {
            var error = PostgresError(.server, "the transaction was aborted by an earlier error and cannot be committed")
            error.sqlState = "25P02"
            throw error
        }
        _ = try run(["COMMIT"], isControl: true)
    }

    /// Leaves no transaction open: rolls it back, or closes the connection where that fails.
    func rollBack() {
        guard let pointer = handle?.pointer, PQtransactionStatus(pointer) != PQTRANS_IDLE else { return }
        do throws(PostgresError) {
            _ = try run(["ROLLBACK"], isControl: true)
        } catch {
            logger.warning("rollback failed, connection closed", metadata: [PostgresLogKeys.error: "\(error)"])
            close()
        }
    }
}
