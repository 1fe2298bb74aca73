/// Which entries of the log may be handed on: each once, in the order of their numbers, and none before a smaller one that may still come.
///
/// A number is given when an entry is written, and seen when its transaction commits. A missing number therefore belongs to a transaction
/// that still runs, or to nobody any more: one that rolled back, or a server that crashed. Which of them, the transactions tell that may
/// write to the log (``writers(_:)``): once all have ended that ran after the gap was seen, what a later read does not find never comes.
///
/// ```
///            read: no gap                      writers ended
///  ┌─▶ flowing ──────────┐      ┌─▶ blocked ───────────────▶ flowing, where the next read passes over what is missing
///  └─────────────────────┘      └── writers: some left
/// ```
public struct EventOrder: Sendable, Hashable {
    /// Transactions that have to end before what is missing up to `through` counts as nobody's.
    private struct Watch: Sendable, Hashable {
        var through: Int64
        var writers: Set<String>
    }

    /// Everything up to here was handed on, or never comes.
    public private(set) var position: Int64
    /// Up to here, what the next read does not find never comes.
    private var settled: Int64
    private var watch: Watch?
    /// The highest number that the last read saw behind a gap; nil where there was none.
    private var blockedBefore: Int64?

    /// - Parameter position: the number after which to begin: all smaller ones are settled.
    public init(after position: Int64) {
        self.position = position
        settled = position
    }

    /// The last read found a gap: ask who may fill it, and read again.
    public var isBlocked: Bool { blockedBefore != nil }

    /// Entries were read.
    ///
    /// - Parameter numbers: those behind ``position``, ascending, from one statement that leaves none out between them.
    /// - Returns: how many of them, from the first on, may be handed on now.
    public mutating func read(_ numbers: some Collection<Int64>) -> Int {
        var count = 0
        for number in numbers {
            guard number - 1 == position || number - 1 <= settled else { break }
            position = number
            count += 1
        }
        blockedBefore = count < numbers.count ? numbers.suffix(1).first : nil
        // What it was for has come: a gap behind it must not wait for its writers.
        if let watch, position >= watch.through { self.watch = nil }
        return count
    }

    /// The transactions that may write to the log, from a statement that began after the last read had ended.
    public mutating func writers(_ writers: Set<String>) {
        if watch == nil, let blockedBefore { watch = Watch(through: blockedBefore, writers: writers) }
        watch?.writers.formIntersection(writers)
        guard let watch, watch.writers.isEmpty else { return }
        settled = max(settled, watch.through)
        self.watch = nil
    }
}
