/// The hosts at which engines may be called: an operator's guard against a definition that leads elsewhere.
///
/// Patterns are separated by commas or white space: `api.example.com`, `*.example.com` (any host below it), `127.0.0.1:8000` (that port
/// only), `[::1]`. None at all allows every host.
public struct EngineHosts: Sendable, Hashable {
    private struct Pattern: Sendable, Hashable {
        /// In lower case, without `*`; begins with a dot where every host below is meant.
        var host: String
        var port: Int?
    }

    public struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        public let pattern: String

        public var description: String { "'\(pattern.prefix(100))' is no host, such as api.example.com, *.example.com or 127.0.0.1:8000" }
    }

    public static let any = EngineHosts(patterns: [])

    private let patterns: [Pattern]

    private init(patterns: [Pattern]) { self.patterns = patterns }

    public init(_ text: String) throws(Malformed) {
        var patterns: [Pattern] = []
        for word in text.lowercased().split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let isWild = word.hasPrefix("*.")
            // A pattern is an address without the rest, and is read as one.
            guard let url = try? EngineURL("http://" + (isWild ? word.dropFirst(2) : word)), url.path.isEmpty, !url.host.contains("*")
            else {
                throw Malformed(pattern: String(word))
            }
            patterns.append(Pattern(host: isWild ? "." + url.host : String(url.host), port: url.port))
        }
        self.patterns = patterns
    }

    public func allows(_ url: EngineURL) -> Bool {
        guard !patterns.isEmpty else { return true }
        let host = url.host.lowercased()
        return patterns.contains { pattern in
            let isHost = pattern.host.hasPrefix(".") ? host.hasSuffix(pattern.host) : host == pattern.host
            return isHost && pattern.port.map { $0 == url.port ?? (url.scheme == "https" ? 443 : 80) } ?? true
        }
    }

    /// Why the address may not be called, in words; nil if it may.
    func refusal(of url: EngineURL) -> String? {
        allows(url) ? nil : "leads to \(url.authority), which engines.allowed_hosts does not name"
    }
}
