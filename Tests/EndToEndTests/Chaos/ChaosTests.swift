import Foundation
import TestSupport
import Testing

@testable import Operations

/// Processes and servers die, stand still and come back under load; nothing is lost, nothing is done twice, every answer is right.
///
/// A run prints its seed. `CHORUS_CHAOS_SEED=… swift test --filter ChaosTests` replays its schedule and its load; `CHORUS_CHAOS_MINUTES=30`
/// makes a long one.
@Suite(.serialized, .timeLimit(.minutes(ChaosOptions.timeLimit))) struct ChaosTests {
    @Test func everyAcceptedTaskEndsOnceAndRight() async throws {
        let options = try ChaosOptions()
        print("chaos: CHORUS_CHAOS_SEED=\(options.seed), faults for \(options.length)")
        let log = ChaosLog()
        let system = try await ChaosFleet.make(log: log)
        let run = ChaosRun(options: options, system: system)
        var failures: [String]
        do { failures = try await run.perform() } catch { failures = ["\(error)"] }
        if !failures.isEmpty {
            let words = (["CHORUS_CHAOS_SEED=\(options.seed)"] + failures).joined(separator: "\n")
            let folder = await ChaosEvidence(seed: options.seed, system: system).keep(words)
            Issue.record("\(words)\nevidence: \(folder)")
        }
        await system.stop()
    }
}
