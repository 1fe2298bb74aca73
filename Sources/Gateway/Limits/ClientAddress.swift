import Glibc

/// The addresses of the proxies that stand before this gateway, whose word on their callers is believed.
public struct TrustedProxies: Sendable {
    private let ranges: [AddressRange]

    /// Nobody's word is believed.
    public init() { ranges = [] }

    /// Reads addresses and ranges: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
    /// - Returns: nil where one of them is neither.
    public init?(_ texts: [String]) {
        ranges = texts.compactMap { AddressRange($0) }
        guard ranges.count == texts.count else { return nil }
    }

    /// Who asks: the connection's other end, or, where that is a trusted proxy, the last address of `X-Forwarded-For` that is none. What
    /// stands before that anybody may have written.
    func client(connection: String, forwardedFor: String?) -> String {
        guard let forwardedFor, trusts(connection) else { return connection }
        var client = connection
        for hop in forwardedFor.split(separator: ",").reversed() {
            let hop = hop.filter { $0 != " " }
            guard AddressRange(hop) != nil else { return client }
            client = hop
            if !trusts(hop) { break }
        }
        return client
    }

    private func trusts(_ address: String) -> Bool { ranges.contains { $0.contains(address) } }
}

/// Addresses that begin with the same bits (CIDR, RFC 4632).
struct AddressRange: Sendable {
    private let bytes: [UInt8]
    private let prefix: Int

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = parts.first.flatMap({ Self.bytes(String($0)) }) else { return nil }
        let bits = bytes.count * 8
        guard let prefix = parts.count > 1 ? Int(parts[1]) : bits, (0...bits).contains(prefix) else { return nil }
        self.bytes = bytes
        self.prefix = prefix
    }

    func contains(_ address: String) -> Bool {
        guard let other = Self.bytes(address), other.count == bytes.count else { return false }
        return bytes.indices.allSatisfy { index in
            let bits = min(8, max(0, prefix - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            return bytes[index] & mask == other[index] & mask
        }
    }

    /// 4 or 16 bytes; an IPv4 address that is mapped into IPv6 (RFC 4291 §2.5.5.2) is the IPv4 address.
    private static func bytes(_ address: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, address, &bytes) == 1 { return Array(bytes.prefix(4)) }
        guard inet_pton(AF_INET6, address, &bytes) == 1 else { return nil }
        let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        return isMapped ? Array(bytes[12...]) : bytes
    }
}
