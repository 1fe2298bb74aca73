extension ServerFolder {
    private static let record = "server.pid"

    /// Remembers which process serves this folder.
    func recordProcess(_ pid: Int32) throws {
        guard let identity = ProcessIdentity(pid: pid) else { return }
        try write(identity.description, to: Self.record)
    }

    /// Forgets it, once it is gone.
    func forgetProcess() throws {
        try remove(Self.record)
    }

    /// Ends the process that an earlier owner of this folder left behind, if there is one; returns its pid.
    ///
    /// The recorded pid alone proves nothing, pids are used again: start time and a command line or environment that names this folder
    /// must agree before it is touched.
    @discardableResult
    func stopOrphan(signal: Int32, grace: Duration) async throws -> Int32? {
        guard let text = read(Self.record) else { return nil }
        guard let orphan = ProcessIdentity(description: text), orphan.mentions(path) else {
            try forgetProcess()
            return nil
        }
        try await orphan.terminate(signal: signal, grace: grace)
        try forgetProcess()
        return orphan.pid
    }
}
