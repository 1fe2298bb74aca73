import Domain

extension ClientOptions {
    /// Moves the things that stand under `path`, one after the other, and shows what became of each.
    func move(_ ids: [String], under path: String, _ action: String, reason: String?) async throws {
        let body: JSONValue = reason.map { ["reason": .string($0)] } ?? [:]
        try await withClient { client in
            for id in ids {
                let moved = try await client.post("\(path)/\(id)/\(action)", body)
                if json { Output.json(moved) } else { Output.line("\(id) \(moved["status"]?.stringValue ?? "")") }
            }
        }
    }
}
