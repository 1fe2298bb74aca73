import DequeModule

/// The delivery tags of a channel that are neither acknowledged nor rejected, and how to settle some of them with few frames.
///
/// A frame with `multiple` settles everything up to its tag: it may be used as far as all that is outstanding from the oldest on is to
/// be settled. The others need a frame each.
struct UnsettledTags {
    struct Step: Equatable {
        let tag: UInt64
        let multiple: Bool
    }

    private struct Entry {
        let tag: UInt64
        let size: Int
        var isSettled = false
    }

    /// Ascending; the first is unsettled, later ones may be settled already.
    private var entries: Deque<Entry> = []
    private var settledCount = 0

    /// Bytes of what is unsettled.
    private(set) var size = 0

    var count: Int { entries.count - settledCount }

    /// Returns false if the tag does not come after the last one: the broker broke the protocol.
    mutating func delivered(_ tag: UInt64, size: Int = 0) -> Bool {
        if let last = entries.last, last.tag >= tag { return false }
        entries.append(Entry(tag: tag, size: size))
        self.size += size
        return true
    }

    /// The frames that settle `tags`; those unknown or settled before are left out, since the broker closes the channel over them.
    mutating func settle(_ tags: some Sequence<UInt64>) -> [Step] {
        var chosen = tags.compactMap { index(of: $0) }
        chosen.sort()
        chosen.removeAll { index in
            defer { entries[index].isSettled = true }
            return entries[index].isSettled
        }
        settledCount += chosen.count
        for index in chosen { size -= entries[index].size }
        let steps = steps(for: chosen)
        compact()
        return steps
    }

    private func steps(for chosen: [Int]) -> [Step] {
        // After marking, the prefix of settled entries is what one frame can cover.
        let prefix = entries.firstIndex { !$0.isSettled } ?? entries.count
        let covered = chosen.prefix { $0 < prefix }
        var steps: [Step] = []
        if let last = covered.last { steps.append(Step(tag: entries[last].tag, multiple: covered.count > 1)) }
        for index in chosen.dropFirst(covered.count) { steps.append(Step(tag: entries[index].tag, multiple: false)) }
        return steps
    }

    private func index(of tag: UInt64) -> Int? {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].tag < tag { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].tag == tag ? low : nil
    }

    /// Forgets settled entries: those at the front at once, those behind an old unsettled one when they are the most.
    private mutating func compact() {
        while let first = entries.first, first.isSettled {
            entries.removeFirst()
            settledCount -= 1
        }
        if settledCount > 1_024, settledCount > entries.count / 2 {
            entries.removeAll(where: \.isSettled)
            settledCount = 0
        }
    }
}
