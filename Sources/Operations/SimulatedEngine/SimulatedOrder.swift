/// What becomes of calls until further notice: a command as ``SimulatedFate`` obeys it, for all of them or for a share.
///
/// `share=0.3;status=500` fails three of ten, `latency=2s` slows all of them down.
struct SimulatedOrder: Sendable, Equatable {
    let command: String
    /// 0 to 1.
    let share: Double

    /// nil for what is no order.
    init?(_ text: String) {
        let parts = text.split(separator: ";")
        if let first = parts.first, first.hasPrefix("share=") {
            share = Double(first.dropFirst(6)) ?? -1
            command = parts.dropFirst().joined(separator: ";")
        } else {
            share = 1
            command = text
        }
        var fate = SimulatedFate(latency: .zero, ending: .answer)
        guard !command.isEmpty, (0...1).contains(share), fate.obey(command) == nil else { return nil }
    }

    /// Throws the dice of call number `number`, beside those of its own fate.
    func apply(to fate: inout SimulatedFate, number: UInt64, seed: UInt64) {
        var dice = SplitMix64(state: ~seed &+ number &* 0x9E37_79B9_7F4A_7C15)
        if dice.unit() < share { _ = fate.obey(command) }
    }
}
