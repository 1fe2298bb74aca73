import Foundation

/// How a run is asked for, in the environment of the tests.
struct ChaosOptions: Sendable {
    /// `CHORUS_CHAOS_SEED`: replays the schedule and the load of an earlier run; a random one else.
    let seed: UInt64
    /// For how long faults strike: `CHORUS_CHAOS_MINUTES`, else less than one.
    let length: Duration
    /// How long the tasks may take to end when everything is back: longer than the longest backoff that they can have come to.
    let settling: Duration

    /// Nothing takes longer, or the tests would hang instead of fail.
    static let timeLimit = (try? ChaosOptions().minutes) ?? 10

    struct Wrong: Error, CustomStringConvertible {
        var description: String
    }

    init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        seed = try Self.number("CHORUS_CHAOS_SEED", environment) ?? .random(in: 0 ... .max)
        let minutes = try Self.number("CHORUS_CHAOS_MINUTES", environment)
        guard (1...1_440).contains(minutes ?? 1) else { throw Wrong(description: "CHORUS_CHAOS_MINUTES must be 1 to 1440") }
        length = minutes.map { .seconds($0 * 60) } ?? .seconds(40)
        settling = minutes == nil ? .seconds(240) : .seconds(900)
    }

    private var minutes: Int { Int((length + settling) / .seconds(60)) + 5 }

    private static func number(_ name: String, _ environment: [String: String]) throws -> UInt64? {
        guard let text = environment[name], !text.isEmpty else { return nil }
        guard let number = UInt64(text) else { throw Wrong(description: "\(name) must be a whole number, not '\(text)'") }
        return number
    }
}
