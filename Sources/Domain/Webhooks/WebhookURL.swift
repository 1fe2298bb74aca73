/// Where a webhook is called: `https://host:port/path?query`, or `http://…`.
///
/// Read strictly, by the few forms that are of use here (RFC 3986), so that nobody else reads another host into it.
public struct WebhookURL: Sendable, Hashable {
    /// As it came: what names the webhook within its project.
    public let text: String
    public let isEncrypted: Bool
    /// A name or an address, without brackets.
    public let host: String
    public let port: Int
    /// Path and query, as a request line has them.
    public let target: String

    static let lengths = 10...1_000

    /// nil where it is none.
    public init?(_ text: String) {
        guard Self.lengths.contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        let parts = text.split(separator: "://", maxSplits: 1)
        guard parts.count == 2, let isEncrypted = ["https": true, "http": false][parts[0].lowercased()] else { return nil }
        let rest = parts[1]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        guard !rest.contains(where: { "#\\<>\"^`{|}".contains($0) }),
            let (host, port) = Self.authority(rest[..<end], standardPort: isEncrypted ? 443 : 80)
        else { return nil }
        self.text = text
        self.isEncrypted = isEncrypted
        (self.host, self.port) = (host, port)
        let target = String(rest[end...])
        self.target = target.hasPrefix("/") ? target : "/" + target
    }

    /// What stands in a request's `Host`.
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isEncrypted ? 443 : 80) ? name : "\(name):\(port)"
    }

    private static func authority(_ text: Substring, standardPort: Int) -> (host: String, port: Int)? {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
        } else {
            if let colon = text.firstIndex(of: ":") { (host, port) = (text[..<colon], text[text.index(after: colon)...]) }
            guard (1...253).contains(host.utf8.count), host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }) else {
                return nil
            }
        }
        guard let port else { return (host.lowercased(), standardPort) }
        guard let number = UInt16(port), number > 0 else { return nil }
        return (host.lowercased(), Int(number))
    }
}
