import Domain
import FoundationEssentials

/// The id that a request has in answers and logs (`X-Request-Id`).
enum RequestID {
    /// The caller's own, where it is 1 to 128 visible ASCII characters; else a new one.
    static func text(from header: String?) -> String {
        guard let header, (1...128).contains(header.utf8.count), header.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return UUID.v7().text
        }
        return header
    }
}
