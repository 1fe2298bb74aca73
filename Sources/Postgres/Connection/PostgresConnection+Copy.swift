import CLibPQ
import SocketExecutor

extension PostgresConnection {
    /// Runs `COPY … FROM STDIN` with data from a closure that returns nil at the end; returns the number of rows stored.
    ///
    /// The chunks are bytes of the format that the statement names and need not end at rows. If the closure throws, nothing is stored
    /// and its error is rethrown. `timeout` is for the whole copy.
    @discardableResult
    public func copyIn(_ sql: String, timeout: Duration? = nil, rows nextChunk: () throws -> [UInt8]?) throws -> Int {
        let pointer = try openPointer()
        try beginStatement(isControl: false)
        defer { cancellation?.endStatement() }
        let start = ContinuousClock.now
        let deadline = deadline(timeout)
        try beginCopy(sql, pointer, start, deadline)
        do {
            while let chunk = try nextChunk() {
                guard !Task.isCancelled else { throw PostgresError(.cancelled, "cancelled in the middle of a copy") }
                try put(chunk, pointer, deadline)
                // The server has refused a row: the rest need not be made.
                guard PQtransactionStatus(pointer) == PQTRANS_ACTIVE else { break }
            }
        } catch {
            if handle != nil {
                try endCopy("the copy was given up by the client", pointer, deadline)
                _ = try? finishCopy(sql, pointer, start, deadline)
            }
            throw error
        }
        try endCopy(nil, pointer, deadline)
        return try finishCopy(sql, pointer, start, deadline)
    }

    /// Runs `COPY … FROM STDIN (FORMAT binary)`; the closure appends one row or some at a call, and returns false at the end.
    ///
    /// The values' types must be the columns' own (an `Int` is `int8`, not `integer`): the binary format converts nothing.
    @discardableResult
    public func copyIn(
        _ sql: String, timeout: Duration? = nil, binaryRows appendRows: (inout PostgresCopyWriter) throws -> Bool
    ) throws -> Int {
        var writer = PostgresCopyWriter()
        var isAtEnd = false
        return try copyIn(sql, timeout: timeout) { () throws -> [UInt8]? in
            guard !isAtEnd else { return nil }
            while !isAtEnd, !writer.isFull { isAtEnd = try !appendRows(&writer) }
            if isAtEnd { writer.finish() }
            return try writer.take()
        }
    }

    private func beginCopy(
        _ sql: String, _ pointer: OpaquePointer, _ start: ContinuousClock.Instant, _ deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        guard !sql.holdsNUL else { throw PostgresError(.invalidQuery, "the statement's text holds a NUL character") }
        guard PQsendQuery(pointer, sql) == 1 else { throw lost(pointer) }
        try flush(pointer, until: deadline)
        guard let result = try nextResult(pointer, until: deadline) else { throw lost(pointer) }
        if result.status == PGRES_COPY_IN { return }
        guard result.status == PGRES_FATAL_ERROR else { throw fail(.protocolViolation, "the statement is no COPY … FROM STDIN") }
        let error = serverError(result, pointer, startedAt: start).about(sql: sql)
        while handle != nil, try nextResult(pointer, until: deadline) != nil {}
        throw error
    }

    private func put(_ chunk: [UInt8], _ pointer: OpaquePointer, _ deadline: ContinuousClock.Instant) throws(PostgresError) {
        guard let length = Int32(exactly: chunk.count) else { throw PostgresError(.invalidQuery, "a chunk is longer than 2 GiB") }
        while true {
            let code = chunk.withUnsafeBytes { PQputCopyData(pointer, $0.baseAddress?.assumingMemoryBound(to: CChar.self), length) }
            if code < 0 { throw lost(pointer) }
            // Sent before the next chunk is made: libpq's own buffer would grow without bound.
            try flush(pointer, until: deadline)
            if code > 0 { return }
            try wait(pointer, for: [.readable, .writable], until: deadline)
        }
    }

    private func endCopy(_ reason: String?, _ pointer: OpaquePointer, _ deadline: ContinuousClock.Instant) throws(PostgresError) {
        while true {
            let code = PQputCopyEnd(pointer, reason)
            if code < 0 { throw lost(pointer) }
            try flush(pointer, until: deadline)
            if code > 0 { return }
            try wait(pointer, for: [.readable, .writable], until: deadline)
        }
    }

    private func finishCopy(
        _ sql: String, _ pointer: OpaquePointer, _ start: ContinuousClock.Instant, _ deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> Int {
        var count = 0
        var failure: PostgresError?
        while let result = try nextResult(pointer, until: deadline) {
            if result.status == PGRES_COMMAND_OK {
                count = PostgresRows(result).affectedRows
            } else {
                let error = serverError(result, pointer, startedAt: start).about(sql: sql)
                if failure == nil { failure = error }
                guard handle != nil else { throw error }
            }
        }
        if let failure { throw failure }
        return count
    }
}
