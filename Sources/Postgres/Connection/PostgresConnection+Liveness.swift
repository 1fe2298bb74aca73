extension PostgresConnection {
    /// Whether the session stands, as far as the socket of an idle connection tells: nothing is sent, and the server is not asked.
    ///
    /// For sessions that hold something, such as a lock, which is gone with them: a server that ends a session leaves word at once.
    public func isSessionOpen() -> Bool { isAlive() }
}
