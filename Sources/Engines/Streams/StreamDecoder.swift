/// Cuts a streamed answer into its texts, in the framing that its content type names.
struct StreamDecoder: Sendable {
    // One of both. They stay where they are: an enum's payload would be copied out and back for every text.
    private var events: ServerSentEvents?
    private var lines: NDJSONLines?

    /// nil for what is no stream: then the answer comes in one piece.
    init?(contentType: String) {
        // As nearly all write it.
        if contentType == "text/event-stream" {
            events = ServerSentEvents()
            return
        }
        let type = contentType.utf8.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
        switch Substring(type).lowercased() {
        case "text/event-stream": events = ServerSentEvents()
        case "application/x-ndjson", "application/jsonl": lines = NDJSONLines()
        default: return nil
        }
    }

    mutating func append(_ piece: [UInt8]) {
        events?.append(piece)
        lines?.append(piece)
    }

    /// The next text that is whole, in the bytes that it came with; nil if more bytes are needed.
    mutating func next() throws(EngineError) -> ArraySlice<UInt8>? {
        do throws(OversizedEvent) {
            if events != nil { return try events?.next()?.data }
            return try lines?.next()
        } catch {
            throw EngineError(.permanent, "one event of the answer has more than \(error.limit) bytes", wasSent: true)
        }
    }

    /// The text that only the stream's end makes whole, if there is one.
    mutating func last() -> ArraySlice<UInt8>? { lines?.last() }
}
