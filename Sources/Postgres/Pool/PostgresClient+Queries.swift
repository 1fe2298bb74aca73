extension PostgresClient {
    /// Runs one statement and maps its rows where the connection is.
    public func query<Output: Sendable>(
        _ query: PostgresQuery, _ map: @Sendable (PostgresRow) throws -> Output
    ) async throws -> [Output] {
        try await withConnection { connection in
            try connection.query(query).map(map)
        }
    }

    /// Runs one statement and returns the number of rows it touched.
    @discardableResult
    public func execute(_ query: PostgresQuery) async throws -> Int {
        try await withConnection { connection in
            try connection.execute(query)
        }
    }

    /// Runs statements in one round trip and one transaction; returns the number of rows each touched.
    @discardableResult
    public func pipeline(_ queries: [PostgresQuery]) async throws -> [Int] {
        try await withConnection { connection in
            try connection.pipeline(queries).map(\.affectedRows)
        }
    }
}
