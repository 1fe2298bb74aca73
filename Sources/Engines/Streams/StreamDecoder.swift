/// Cuts a streamed answer into its texts, in the framing that its content type names.
enum StreamDecoder: Sendable {
    case events(ServerSentEvents)
    case lines(NDJSONLines)
    /// Stands in while the payload is out.
    case none

    /// nil for what is no stream: then the answer comes in one piece.
    init?(contentType: String) {
        switch contentType.prefix(while: { $0 != ";" && $0 != " " }).lowercased() {
        case "text/event-stream": self = .events(ServerSentEvents())
        case "application/x-ndjson", "application/jsonl": self = .lines(NDJSONLines())
        default: return nil
        }
    }

    mutating func append(_ piece: [UInt8]) {
        // The payload is taken out and put back, so that its buffer has one owner and is not copied.
        switch self {
        case .events(var events):
            self = .none
            events.append(piece)
            self = .events(events)
        case .lines(var lines):
            self = .none
            lines.append(piece)
            self = .lines(lines)
        case .none: break
        }
    }

    /// The next text that is whole; nil if more bytes are needed.
    mutating func next() throws(EngineError) -> [UInt8]? {
        do throws(OversizedEvent) {
            switch self {
            case .events(var events):
                self = .none
                defer { self = .events(events) }
                return try events.next()?.data
            case .lines(var lines):
                self = .none
                defer { self = .lines(lines) }
                return try lines.next()
            case .none: return nil
            }
        } catch {
            throw EngineError(.permanent, "one event of the answer has more than \(error.limit) bytes", wasSent: true)
        }
    }

    /// The text that only the stream's end makes whole, if there is one.
    mutating func last() -> [UInt8]? {
        guard case .lines(var lines) = self else { return nil }
        defer { self = .lines(lines) }
        return lines.last()
    }
}
