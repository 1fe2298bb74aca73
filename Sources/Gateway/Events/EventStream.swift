import Domain
import FoundationEssentials
import HummingbirdCore
import NIOCore
import Store

/// Writes one reader's stream: what it missed out of the log, then what comes, until somebody ends it.
///
/// A reader that falls behind what comes goes back to the log, as often as it has to, at its own pace.
struct EventStream: Sendable {
    enum Start: Sendable {
        /// With what comes behind `position`, for which `mailbox` waits already.
        case now(position: Int64, mailbox: EventMailbox)
        /// Behind an event that the reader has.
        case after(Int64)
    }

    private static let page = 200

    let hub: EventHub
    let seat: EventSeat
    /// The events that it is about; nil for all.
    var names: Set<EventName>?
    /// Written before anything else.
    var first: EventBatch?
    /// Throws once the reader may not read any more.
    let check: @Sendable () async throws -> Void

    /// Writes until the stream is at its end, the mailbox is closed, or the reader may not read on.
    /// - Throws: what writing throws, where the connection is gone; what the database throws.
    @concurrent func write(from start: Start, to writer: inout any ResponseBodyWriter) async throws {
        var sent: Int64
        var mailbox: EventMailbox?
        switch start {
        case .now(let position, let waiting): (sent, mailbox) = (position, waiting)
        case .after(let seq): sent = seq
        }
        // Spread, so that the readers of a gateway that ends do not all come back at once.
        try await send([ByteBuffer(string: "retry: \(Int.random(in: 1_000...4_000))\nid: \(sent)\n\n")], &writer)
        if let first {
            try await send(first.pieces(after: .min, of: nil), &writer)
            if isEnd(first) { return }
            sent = max(sent, first.parts.last?.seq ?? sent)
        }
        while true {
            if mailbox == nil {
                guard let next = try await catchUp(&sent, &writer) else { return }
                mailbox = next
            }
            guard let current = mailbox else { return }
            switch try await follow(current, &sent, &writer) {
            case .overrun: mailbox = nil
            case .closed: return
            }
        }
    }

    /// Every write goes this way: one that waits for too long is cut.
    @concurrent private func send(_ pieces: [ByteBuffer], _ writer: inout any ResponseBodyWriter) async throws {
        seat.connection?.began()
        defer { seat.connection?.ended() }
        try await writer.write(contentsOf: pieces)
    }

    // MARK: What comes

    @concurrent private func follow(
        _ mailbox: EventMailbox, _ sent: inout Int64, _ writer: inout any ResponseBodyWriter
    ) async throws -> EventMailbox.Ending {
        var lastWord = ContinuousClock.now
        var answer = DeltaCursor()
        while true {
            let deliveries: [EventDelivery]
            switch await mailbox.next() {
            case .success(let waiting): deliveries = waiting
            case .failure(let ended): return ended.ending
            }
            for delivery in deliveries {
                switch delivery {
                case .events(let batch):
                    let pieces = batch.pieces(after: sent, of: names)
                    sent = max(sent, batch.parts.last?.seq ?? sent)
                    if !pieces.isEmpty {
                        try await send(pieces, &writer)
                        lastWord = .now
                    }
                    if isEnd(batch) { return .closed }
                case .delta(let delta):
                    guard let new = answer.take(delta) else { continue }
                    // Without an id: who comes back gets what the task has come to, and what it says from then on.
                    try await send([ByteBuffer(string: "event: task.delta\ndata: \(new.json.text)\n\n")], &writer)
                    lastWord = .now
                case .tick(let position):
                    do { try await check() } catch is Problem { return .closed } catch {}
                    sent = max(sent, position)
                    guard ContinuousClock.now - lastWord >= hub.limits.heartbeat else { continue }
                    // With the place up to which nothing is missing: a stream that is quiet for long can still be taken up again.
                    try await send([ByteBuffer(string: ":\nid: \(sent)\n\n")], &writer)
                    lastWord = .now
                }
            }
        }
    }

    /// A task's stream ends when the task has.
    private func isEnd(_ batch: EventBatch) -> Bool {
        guard case .task = seat.topic, case .task(let status)? = batch.parts.last?.name else { return false }
        return status.isFinal
    }

    // MARK: What was missed

    /// Reads the log up to where a mailbox goes on, which it gives; nil where the stream has ended with that.
    @concurrent private func catchUp(_ sent: inout Int64, _ writer: inout any ResponseBodyWriter) async throws -> EventMailbox? {
        guard try await isRemembered(sent) else { return try await begin(anew: &sent, &writer) }
        var last: EventBatch?
        // Near the end first: a mailbox would overflow while much is read.
        while true {
            let entries = try await page(after: sent, through: hub.position)
            last = try await write(entries, &sent, &writer) ?? last
            if entries.count < Self.page { break }
        }
        let (position, mailbox) = seat.subscribe()
        while true {
            let entries = try await page(after: sent, through: position)
            last = try await write(entries, &sent, &writer) ?? last
            // Until nothing is left: a page may be cut short by what it would take in memory.
            if entries.isEmpty { break }
        }
        sent = max(sent, position)
        if let last, isEnd(last) { return nil }
        return mailbox
    }

    private func page(after seq: Int64, through last: Int64) async throws -> [LogEntry] {
        try await hub.places.withPlace {
            switch seat.topic {
            case .project(let id): try await hub.store.events(ofProject: id, after: seq, through: last, limit: Self.page)
            case .task(let id): try await hub.store.events(ofTask: id, after: seq, through: last, limit: Self.page)
            }
        }
    }

    @concurrent private func write(
        _ entries: [LogEntry], _ sent: inout Int64, _ writer: inout any ResponseBodyWriter
    ) async throws -> EventBatch? {
        guard let last = entries.last else { return nil }
        let batch = EventBatch(entries.compactMap(\.event))
        try await send(batch.pieces(after: sent, of: names), &writer)
        sent = last.seq
        return batch
    }

    private func isRemembered(_ seq: Int64) async throws -> Bool {
        // A number that was never given comes from another database, or one that was put back.
        try await hub.store.logSpan(ofProject: seat.projectID)?.contains(seq) ?? false
    }

    /// What lies between is not known any more: says so, and goes on from now. A task is told as it stands, which says everything.
    @concurrent private func begin(anew sent: inout Int64, _ writer: inout any ResponseBodyWriter) async throws -> EventMailbox? {
        let (position, mailbox) = seat.subscribe()
        sent = position
        switch seat.topic {
        case .project(let id):
            let words: JSONValue = [
                "event": "reset", "project_id": .string(id.text), "seq": .number(JSONNumber(Int(clamping: position))),
                "detail": """
                Events after the one that you had are not remembered any more: read the project's tasks once (GET /v1/projects/{id}/tasks). \
                What happens from here on follows.
                """,
            ]
            try await send([ByteBuffer(string: "id: \(position)\nevent: reset\ndata: \(words.text)\n\n")], &writer)
        case .task(let id):
            guard let state = try await hub.store.currentState(ofTask: id, notBefore: position) else { return nil }
            sent = state.seq
            let batch = EventBatch([state])
            try await send(batch.pieces(after: .min, of: nil), &writer)
            if isEnd(batch) { return nil }
        }
        return mailbox
    }
}
