/// A picture in a message, as `image_url` gives it (RFC 2397 for `data:`).
public enum ImageReference: Sendable, Hashable {
    /// Sent along: its media type, and its bytes as Base64 text.
    case data(mediaType: String, base64: String)
    /// To be fetched by the engine.
    case address(String)
    case unreadable

    public init(_ text: String) {
        if text.hasPrefix("https://") || text.hasPrefix("http://") {
            self = .address(text)
            return
        }
        guard text.hasPrefix("data:"), let comma = text.utf8.firstIndex(of: UInt8(ascii: ",")) else {
            self = .unreadable
            return
        }
        let head = text[text.index(text.startIndex, offsetBy: 5)..<comma]
        guard head.hasSuffix(";base64"), let mediaType = head.split(separator: ";").first, mediaType.contains("/") else {
            self = .unreadable
            return
        }
        self = .data(mediaType: String(mediaType), base64: String(text[text.utf8.index(after: comma)...]))
    }
}
