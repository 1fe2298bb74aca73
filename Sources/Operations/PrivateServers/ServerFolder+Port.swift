extension ServerFolder {
    /// The port called `name`: the wanted one, else the remembered one if it is still free, else a new one, which is then remembered.
    ///
    /// A port that was ours a moment ago may still be held by a process that is just ending: a known one is waited for, for `patience`.
    /// - Throws: `OperationsError` when the wanted port is taken, or no port is free.
    func port(_ name: String, wanted: Int? = nil, patience: Duration = .seconds(2)) async throws -> Int {
        let key = "\(name).port"
        let owner = "\(path)/\(key)"
        if let known = wanted ?? read(key).flatMap({ Int($0) }) {
            let isFree = try await waitUntil(within: patience, every: .milliseconds(50)) { LoopbackPort.isFree(known) }
            if isFree, LoopbackPort.reserve(known, for: owner) {
                try write(String(known), to: key)
                return known
            }
            guard wanted == nil else { throw OperationsError(.portTaken, "port \(known) on 127.0.0.1 is taken") }
        }
        let fresh = try LoopbackPort.free(for: owner)
        try write(String(fresh), to: key)
        return fresh
    }
}
