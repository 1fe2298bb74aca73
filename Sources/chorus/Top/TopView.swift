/// What somebody who looks has chosen.
struct TopView: Sendable, Hashable {
    /// By what projects are ordered, the most first.
    enum Order: String, Sendable, CaseIterable {
        case running, waiting, rate, ended, failed, name
    }

    /// What a key does.
    enum Key: Sendable, Hashable {
        case quit, up, down, left, right, pageUp, pageDown, home
    }

    var order = Order.running
    /// Projects that are scrolled over.
    var offset = 0

    /// False where the key ends it.
    mutating func press(_ key: Key, projects: Int, page: Int) -> Bool {
        let last = max(0, projects - 1)
        switch key {
        case .quit: return false
        case .up: offset = max(0, offset - 1)
        case .down: offset = min(last, offset + 1)
        case .pageUp: offset = max(0, offset - max(1, page))
        case .pageDown: offset = min(last, offset + max(1, page))
        case .home: offset = 0
        case .left: order = neighbour(-1)
        case .right: order = neighbour(1)
        }
        return true
    }

    private func neighbour(_ step: Int) -> Order {
        let all = Order.allCases
        let index = (all.firstIndex(of: order) ?? 0) + step
        return all[(index + all.count) % all.count]
    }
}

/// Makes keys of what a terminal sends (ECMA-48 for the arrows). What it does not know it passes over.
struct TopKeyDecoder: Sendable {
    private var pending: [UInt8] = []

    init() {}

    mutating func decode(_ bytes: some Sequence<UInt8>) -> [TopView.Key] {
        bytes.compactMap { take($0) }
    }

    private mutating func take(_ byte: UInt8) -> TopView.Key? {
        switch (pending.count, byte) {
        case (_, 0x1B):
            pending = [byte]
            return nil
        case (1, UInt8(ascii: "[")), (1, UInt8(ascii: "O")):
            pending.append(byte)
            return nil
        case (2..., 0x20...0x3F):
            // Parameters; no more are kept than a key has.
            if pending.count < 8 { pending.append(byte) }
            return nil
        case (2..., _):
            defer { pending = [] }
            switch byte {
            case UInt8(ascii: "A"): return .up
            case UInt8(ascii: "B"): return .down
            case UInt8(ascii: "C"): return .right
            case UInt8(ascii: "D"): return .left
            case UInt8(ascii: "H"): return .home
            case UInt8(ascii: "~"):
                return pending.count == 3 ? [53: .pageUp, 54: .pageDown, 49: .home][pending[2]] : nil
            default: return nil
            }
        default:
            pending = []
            switch byte {
            case UInt8(ascii: "q"), UInt8(ascii: "Q"), 3: return .quit
            case UInt8(ascii: "k"): return .up
            case UInt8(ascii: "j"): return .down
            case UInt8(ascii: "h"): return .left
            case UInt8(ascii: "l"): return .right
            default: return nil
            }
        }
    }
}
