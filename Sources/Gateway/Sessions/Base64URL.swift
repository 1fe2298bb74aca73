import FoundationEssentials

/// Base64 with the alphabet for URLs and without padding (RFC 7515 §2).
enum Base64URL {
    static func text(_ bytes: [UInt8]) -> String {
        String(Data(bytes).base64EncodedString().prefix { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }

    /// nil where the text is not exactly what `text(_:)` writes: two texts of the same bytes would be two tokens.
    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let standard = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        let padding = String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: standard + padding).map(Array.init), Self.text(bytes) == text else { return nil }
        return bytes
    }
}
