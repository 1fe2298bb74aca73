import DequeModule

/// What is to be published and what waits for its confirm, on one channel in confirm mode.
///
/// A message goes outbox → window → settled. The channel numbers messages from 1 in the order they are sent; the broker's `basic.ack`
/// and `basic.nack` name those numbers. A `basic.return` names none, but returns come in the order of sending: the first message after
/// the last returned one that equals it is meant.
struct PublishQueue {
    /// A batch whose every message has an outcome.
    struct Finished: Equatable {
        let batch: Int
        let outcomes: [AMQPPublishOutcome]
    }

    private struct Batch {
        let messages: [AMQPMessage]
        var outcomes: [AMQPPublishOutcome?]
        var unsettled: Int
        var nextUnsent = 0
    }

    private struct Sent {
        let batch: Int
        let index: Int
        var isSettled = false
        var returned: AMQPPublishOutcome?
    }

    /// Messages that may wait at once.
    let capacity: Int
    private var batches: [Int: Batch] = [:]
    private var nextBatch = 0
    private var unsent = 0
    private var outbox: Deque<Int> = []
    private var window: Deque<Sent> = []
    /// The number of the window's first message.
    private var firstTag: UInt64 = 1
    private var lastReturnedTag: UInt64 = 0
    /// Whether the channel is open and in confirm mode.
    private(set) var isOpen = false

    init(capacity: Int) {
        self.capacity = capacity
    }

    var isIdle: Bool { unsent == 0 }

    /// The channel is open: numbers start at 1.
    mutating func opened() {
        isOpen = true
        window.removeAll()
        (firstTag, lastReturnedTag) = (1, 0)
    }

    /// Nothing more is sent on this channel; what was sent may still be settled, and what was not waits for the next one.
    mutating func stopped() { isOpen = false }

    /// Whether the broker has answered for all that was sent on this channel.
    var isSettled: Bool { window.isEmpty }

    /// Takes a batch; throws `.overloaded` when too much waits already.
    mutating func submit(_ messages: [AMQPMessage]) throws(AMQPError) -> Int {
        guard unsent + window.count + messages.count <= capacity else {
            throw AMQPError(.overloaded, "\(unsent + window.count) messages wait already, at most \(capacity) may")
        }
        nextBatch += 1
        batches[nextBatch] = Batch(
            messages: messages, outcomes: Array(repeating: nil, count: messages.count), unsettled: messages.count)
        unsent += messages.count
        outbox.append(nextBatch)
        return nextBatch
    }

    /// The next message to send, which has its number from now on.
    mutating func takeNext() -> AMQPMessage? {
        guard isOpen else { return nil }
        while let id = outbox.first {
            guard let index = batches[id]?.nextUnsent, let message = batches[id]?.messages[index] else {
                outbox.removeFirst()
                continue
            }
            batches[id]?.nextUnsent += 1
            if batches[id].map({ $0.nextUnsent == $0.messages.count }) ?? true { outbox.removeFirst() }
            unsent -= 1
            window.append(Sent(batch: id, index: index))
            return message
        }
        return nil
    }

    mutating func confirmed(_ tag: UInt64, multiple: Bool) throws(AMQPError) -> [Finished] {
        try settle(tag, multiple, as: .confirmed)
    }

    mutating func refused(_ tag: UInt64, multiple: Bool) throws(AMQPError) -> [Finished] {
        try settle(tag, multiple, as: .refused)
    }

    /// A message came back; its outcome stands when the confirm follows.
    mutating func returned(_ message: AMQPMessage, code: Int, text: String) {
        let start = lastReturnedTag < firstTag ? 0 : Int(lastReturnedTag - firstTag) + 1
        guard start < window.count else { return }
        for offset in start..<window.count where !window[offset].isSettled {
            let sent = window[offset]
            guard let original = batches[sent.batch]?.messages[sent.index], original.isMandatory, original.matches(returned: message)
            else { continue }
            window[offset].returned = .returned(code: code, text: text)
            lastReturnedTag = firstTag + UInt64(offset)
            return
        }
    }

    private mutating func settle(_ tag: UInt64, _ multiple: Bool, as outcome: AMQPPublishOutcome) throws(AMQPError) -> [Finished] {
        // Tag 0 with `multiple` means everything outstanding (AMQP 0-9-1, basic.ack).
        let end = firstTag + UInt64(window.count)
        let last = tag == 0 && multiple ? end - 1 : tag
        guard last < end, multiple || tag > 0 else {
            throw AMQPError(.protocolViolation, "the broker confirmed message \(tag), which was not sent")
        }
        // A number confirmed twice is behind the window and changes nothing.
        guard last >= firstTag, !window.isEmpty else { return [] }
        var finished: [Finished] = []
        let lastOffset = Int(last - firstTag)
        for offset in (multiple ? 0 : lastOffset)...lastOffset where !window[offset].isSettled {
            window[offset].isSettled = true
            let sent = window[offset]
            if let done = record(outcome == .confirmed ? sent.returned ?? outcome : outcome, of: sent.index, in: sent.batch) {
                finished.append(done)
            }
        }
        while let first = window.first, first.isSettled {
            window.removeFirst()
            firstTag += 1
        }
        return finished
    }

    private mutating func record(_ outcome: AMQPPublishOutcome, of index: Int, in id: Int) -> Finished? {
        guard batches[id] != nil else { return nil }
        batches[id]?.outcomes[index] = outcome
        batches[id]?.unsettled -= 1
        return batches[id]?.unsettled == 0 ? abandon(id) : nil
    }

    /// Gives a batch up: what was not sent never will be, what was sent and not answered is `unknown`.
    mutating func abandon(_ id: Int) -> Finished? {
        guard let batch = batches.removeValue(forKey: id) else { return nil }
        unsent -= batch.messages.count - batch.nextUnsent
        if batch.nextUnsent < batch.messages.count { outbox.removeAll { $0 == id } }
        return Finished(batch: id, outcomes: batch.outcomes.map { $0 ?? .unknown })
    }

    /// Gives every batch up, in the order of their submission. Numbers go on: late confirms still find their place.
    mutating func abandonAll() -> [Finished] {
        batches.keys.sorted().compactMap { abandon($0) }
    }

    /// The channel is gone, and with it every answer that was due.
    mutating func closed() -> [Finished] {
        isOpen = false
        window.removeAll()
        return abandonAll()
    }
}
