import Domain

/// Where a request says what shall become of it.
enum SimulatedCommand {
    /// The command in the header, else in the body's field `simulate`, else in `[simulate: …]` of the last message or text.
    static func find(header: String?, body: JSONValue, last: String) -> String? {
        header ?? body["simulate"]?.stringValue ?? inside(last)
    }

    private static func inside(_ text: String) -> String? {
        // Nearly every message has no bracket at all.
        guard text.utf8.contains(UInt8(ascii: "[")), let start = text.firstRange(of: "[simulate:"),
            let end = text[start.upperBound...].firstIndex(of: "]")
        else { return nil }
        return String(text[start.upperBound..<end])
    }
}
