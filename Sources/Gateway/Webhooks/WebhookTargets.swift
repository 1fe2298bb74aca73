/// The addresses that webhooks may be posted to: those of the public internet, and what the operator allows besides.
///
/// A server that posts wherever its users say would carry them behind its own walls (OWASP, "Server-side request forgery"). What a name
/// leads to is looked at when it is called, and the call goes to the very address that was looked at.
public struct WebhookTargets: Sendable {
    private let allowed: [AddressRange]

    public init() { allowed = [] }

    /// - Parameter allowed: addresses and ranges, such as `10.20.0.0/16`. nil where one of them is neither.
    public init?(allowed texts: [String]) {
        allowed = texts.compactMap { AddressRange($0) }
        guard allowed.count == texts.count else { return nil }
    }

    func allows(_ address: String) -> Bool {
        if allowed.contains(where: { $0.contains(address) }) { return true }
        let isSpecial = Self.special.contains { $0.contains(address) }
        // Of IPv6 only what is given to the public at all (RFC 4291 §2.4: global unicast).
        return !isSpecial && (Self.everyIPv4.contains(address) || Self.globalIPv6.contains(address))
    }

    /// IANA's registries of special-purpose addresses (RFC 6890), with multicast; an IPv4 address inside an IPv6 one counts as special.
    private static let special = ranges([
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    ])
    private static let everyIPv4 = ranges(["0.0.0.0/0"])
    private static let globalIPv6 = ranges(["2000::/3"])

    private static func ranges(_ texts: [String]) -> [AddressRange] { texts.compactMap { AddressRange($0) } }
}

extension [AddressRange] {
    fileprivate func contains(_ address: String) -> Bool { contains { $0.contains(address) } }
}
