import Domain
import Foundation
import TestSupport

@testable import Operations

/// One run: faults and load side by side, then peace, then the audit.
struct ChaosRun: Sendable {
    /// Services that hand in tasks.
    private static let services = 4

    let options: ChaosOptions
    let system: ChaosFleet

    /// Gives what is wrong at the end; nothing where all holds.
    /// - Throws: `NotEventually` where tasks do not end; what keeps a server from starting.
    func perform() async throws -> [String] {
        let client = try await ChaosClient(system: system)
        let monitor = ChaosMonitor(system: system, cappedProject: client.projects[.capped] ?? "")
        let injector = ChaosInjector(system: system, schedule: ChaosSchedule(seed: options.seed, length: options.length))
        var failures = try await strike(client, injector, monitor)
        await system.complainIfAnyDied()
        try await system.waitUntilReady()
        let start = ContinuousClock.now
        try await settle(client, monitor)
        let (exit, words) = try await system.fleet.verify(grace: "1s")
        if exit != .exited(0) { failures.append("chorus verify \(exit.map { "\($0)" } ?? "did not end"): \(words)") }
        let audit = ChaosAudit(
            ledger: client.ledger, tasks: try await monitor.tasks(), calls: try await monitor.calls(),
            engine: ChaosEngineRecord(text: try String(contentsOfFile: system.engineRecord, encoding: .utf8)))
        failures += audit.findings.map { "broken: \($0)" }
        let disobeyed = try await monitor.disobeyed()
        if !disobeyed.isEmpty { failures.append("broken: a lost call is held or failed where its project wants it (\(disobeyed))") }
        await system.complainIfAnyDied()
        failures += client.ledger.complaints + (await system.complaints)
        print("chaos: \(injector.count) faults; settled in \(ChaosLog.seconds(ContinuousClock.now - start)); \(audit.summary)")
        return failures
    }

    /// Gives the looks at which something was wrong.
    private func strike(_ client: ChaosClient, _ injector: ChaosInjector, _ monitor: ChaosMonitor) async throws -> [String] {
        let end = ContinuousClock.now + options.length
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await injector.run() }
            for service in 1...Self.services {
                let dice = SplitMix64(state: options.seed &+ UInt64(service))
                group.addTask { try await client.submit(as: "\(service)", until: end, dice: dice) }
            }
            group.addTask { try await client.meddle(until: end, dice: SplitMix64(state: ~options.seed)) }
            async let overCap = watch(client, injector, monitor, until: end)
            try await group.waitForAll()
            return try await overCap
        }
    }

    private func watch(
        _ client: ChaosClient, _ injector: ChaosInjector, _ monitor: ChaosMonitor, until end: ContinuousClock.Instant
    ) async throws -> [String] {
        var failures: [String] = []
        var nextLine = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(500))
            let look = await monitor.look()
            if let look, look.underCap > ChaosProject.cap {
                failures.append("broken: \(look.underCap) tasks under way in a project that may have \(ChaosProject.cap)")
            }
            guard ContinuousClock.now >= nextLine else { continue }
            nextLine += .seconds(options.length > .seconds(60) ? 60 : 10)
            let seen = look.map { "\($0.ended) of \($0.stored) tasks have ended" } ?? "the database is away"
            print("chaos: \(client.ledger.accepted.count) accepted, \(seen), \(injector.count) faults so far")
        }
        return failures
    }

    /// Waits until every task has ended, and does what is left to people meanwhile: what is paused or held is resumed.
    private func settle(_ client: ChaosClient, _ monitor: ChaosMonitor) async throws {
        do {
            try await eventually("every task has ended", within: options.settling, every: .milliseconds(500)) {
                await client.resume(try await monitor.paused())
                return try await monitor.leftovers().isEmpty
            }
        } catch let error as NotEventually {
            throw NotEventually(description: "\(error): \(try await monitor.leftovers().joined(separator: "\n"))")
        }
    }
}
