@testable import Operations

/// Which faults strike what, and when: made from a seed alone, so that the same seed makes the same schedule.
struct ChaosSchedule: Sendable, Equatable {
    struct Event: Sendable, Equatable, CustomStringConvertible {
        /// From the beginning.
        var start: Duration
        var fault: ChaosFault
        var target: ChaosTarget
        var lasting: Duration

        var description: String {
            "\(ChaosLog.seconds(start)) \(fault.rawValue) of \(target) for \(ChaosLog.seconds(lasting))"
        }
    }

    /// Milliseconds from one fault to the next: most strike while others last.
    static let gap = 200...2_200

    let seed: UInt64
    let length: Duration
    private(set) var events: [Event] = []

    /// Faults are dealt from a shuffled deck, deck after deck: a short schedule gets a weighted choice, a long one gets every fault.
    /// None strikes a target that another one has not let go yet.
    init(seed: UInt64, length: Duration) {
        self.seed = seed
        self.length = length
        var dice = SplitMix64(state: seed)
        var deck: [ChaosFault] = []
        var freeAgain: [ChaosTarget: Duration] = [:]
        var now = Duration.milliseconds(Int.random(in: Self.gap, using: &dice))
        while now < length {
            if deck.isEmpty {
                deck = ChaosFault.allCases.flatMap { repeatElement($0, count: $0.weight) }.shuffled(using: &dice)
            }
            let isFree = { (target: ChaosTarget) in freeAgain[target, default: .zero] <= now }
            if let index = deck.firstIndex(where: { $0.targets.contains(where: isFree) }) {
                let fault = deck.remove(at: index)
                if let target = fault.targets.filter(isFree).randomElement(using: &dice) {
                    let lasting = Duration.milliseconds(Int.random(in: fault.milliseconds, using: &dice))
                    freeAgain[target] = now + lasting + fault.recovery
                    events.append(Event(start: now, fault: fault, target: target, lasting: lasting))
                }
            }
            now += .milliseconds(Int.random(in: Self.gap, using: &dice))
        }
    }
}
