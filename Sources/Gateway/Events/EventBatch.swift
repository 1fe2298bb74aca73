import Domain
import FoundationEssentials
import NIOCore

/// Events in the form of server-sent events, written out once for all readers, who share the bytes.
struct EventBatch: Sendable {
    struct Part: Sendable {
        var seq: Int64
        var name: EventName
        var taskID: UUID?
        /// Where it stands in `bytes`.
        var range: Range<Int>
    }

    private(set) var parts: [Part] = []
    private(set) var bytes = ByteBuffer()

    init(_ events: [EventRecord]) {
        for event in events { append(event) }
    }

    /// Some parts of a batch, which keep its bytes.
    private init(parts: [Part], bytes: ByteBuffer) {
        self.parts = parts
        self.bytes = bytes
    }

    mutating func append(_ event: EventRecord) {
        let start = bytes.writerIndex
        // What the database wrote as JSON has its line breaks escaped, and so have we: each is one line of data.
        bytes.writeString("id: \(event.seq)\nevent: \(event.name.rawValue)\ndata: ")
        bytes.writeBytes(event.json)
        bytes.writeStaticString("\n\n")
        parts.append(Part(seq: event.seq, name: event.name, taskID: event.task?.id, range: start..<bytes.writerIndex))
    }

    /// The parts of each task.
    func byTask() -> [UUID: EventBatch] {
        Dictionary(grouping: parts.filter { $0.taskID != nil }, by: { $0.taskID ?? .zero })
            .mapValues { EventBatch(parts: $0, bytes: bytes) }
    }

    /// How much a reader who waits for them holds back.
    var size: Int { parts.reduce(0) { $0 + $1.range.count } }

    /// The bytes of the parts behind `seq` that are wanted; nil for all.
    func pieces(after seq: Int64, of names: Set<EventName>?) -> [ByteBuffer] {
        var ranges: [Range<Int>] = []
        for part in parts where part.seq > seq && names?.contains(part.name) != false {
            if let last = ranges.last, last.upperBound == part.range.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<part.range.upperBound
            } else {
                ranges.append(part.range)
            }
        }
        return ranges.compactMap { bytes.getSlice(at: $0.lowerBound, length: $0.count) }
    }
}

extension UUID {
    fileprivate static let zero = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
}
