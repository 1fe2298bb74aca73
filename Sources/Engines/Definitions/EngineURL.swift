/// The address an engine's paths are under, such as `https://api.example.com/v1`, taken apart once and not at every call.
public struct EngineURL: Sendable, Hashable {
    public struct Malformed: Error, Sendable, Hashable {
        public let reason: String
    }

    /// `http` or `https`.
    public let scheme: String
    /// Host, and port if one is named.
    public let authority: String
    /// Empty, or with a slash before it and none behind.
    public let path: String
    /// `api-version=…`, which Azure's older addresses want in every request; nil for all others.
    public let query: String?

    public init(_ text: String) throws(Malformed) {
        guard let scheme = ["http", "https"].first(where: { text.hasPrefix($0 + "://") }) else {
            throw Malformed(reason: "must begin with http:// or https://")
        }
        var rest = text.dropFirst(scheme.count + 3)
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw Malformed(reason: "may have visible ASCII characters only") }
        let query = rest.firstIndex { $0 == "?" || $0 == "#" }.map { rest[$0...] }
        guard query.map(Self.isVersion) ?? true else { throw Malformed(reason: "must have no query but 'api-version', and no fragment") }
        rest = rest.dropLast(query?.count ?? 0)
        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@") else { throw Malformed(reason: "must not carry a user or password; use the field 'secret'") }
        guard Self.isAuthority(authority) else { throw Malformed(reason: "must name a host, and a port from 1 to 65535 if any") }
        var path = rest.dropFirst(authority.count)
        while path.hasSuffix("/") { path = path.dropLast() }
        self.scheme = scheme
        self.authority = String(authority)
        self.path = String(path)
        self.query = query.map { String($0.dropFirst()) }
    }

    /// A path under this address, which may have a query of its own.
    func path(of path: String) -> String {
        guard let query else { return self.path + path }
        return self.path + path + (path.contains("?") ? "&" : "?") + query
    }

    /// A key in a query would stand in the database, and in every list of engines.
    private static func isVersion(_ query: Substring) -> Bool {
        guard query.hasPrefix("?api-version="), query.count <= 64 else { return false }
        let version = query.dropFirst("?api-version=".count)
        return !version.isEmpty && version.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }
    }

    /// The authority without its port.
    var host: Substring {
        guard authority.hasPrefix("["), let end = authority.firstIndex(of: "]") else { return authority.prefix { $0 != ":" } }
        return authority[...end]
    }

    /// nil where the scheme's own is meant.
    var port: Int? {
        let rest = authority.dropFirst(host.count)
        return rest.isEmpty ? nil : Int(rest.dropFirst())
    }

    private static func isAuthority(_ authority: Substring) -> Bool {
        var host = authority
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return false }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return false }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        guard !host.isEmpty else { return false }
        return port.map { Int($0).map((1...65_535).contains) ?? false } ?? true
    }
}

extension EngineURL: CustomStringConvertible {
    public var description: String { "\(scheme)://\(authority)\(path)\(query.map { "?\($0)" } ?? "")" }
}
