import Domain
import Foundation
import TestSupport

@testable import Operations

/// The system that chaos strikes: three workers, two gateways, an engine, a broker and a database, each a process of its own.
actor ChaosFleet {
    /// Short, so that a standstill longer than it fits into seconds.
    static let lease = Duration.seconds(4)

    nonisolated let fleet: Fleet
    nonisolated let gatewayPorts: [Int]
    nonisolated let log: ChaosLog
    private var processes: [ChaosTarget: ChildProcess] = [:]
    private var starts = 0
    /// Ends that no fault explains.
    private(set) var complaints: [String] = []

    private init(fleet: Fleet, gatewayPorts: [Int], log: ChaosLog) {
        self.fleet = fleet
        self.gatewayPorts = gatewayPorts
        self.log = log
    }

    static func make(log: ChaosLog) async throws -> ChaosFleet {
        let fleet = try await Fleet.make([
            "CHORUS_WORKER_LEASE": "\(lease.components.seconds)s", "CHORUS_WORKER_CONCURRENCY": "8",
            "CHORUS_WORKER_DRAIN_TIMEOUT": "2s",
        ])
        let system = ChaosFleet(fleet: fleet, gatewayPorts: [fleet.gatewayPort, try LoopbackPort.free()], log: log)
        do {
            for target in [.engine] + ChaosTarget.gateways + ChaosTarget.workers { try await system.launch(target) }
            try await system.waitUntilReady()
        } catch {
            await system.stop()
            throw error
        }
        return system
    }

    /// What the engine has done, across its deaths.
    nonisolated var engineRecord: String { "\(fleet.folder)/engine.record" }

    func waitUntilReady() async throws {
        try await eventually("everything is ready", within: .seconds(60), every: .milliseconds(100)) {
            for port in gatewayPorts {
                guard await LoopbackProbe.isHTTPReady(port: port, path: "/readyz") else { return false }
            }
            return LoopbackProbe.isListening(port: fleet.enginePort)
        }
    }

    func launch(_ target: ChaosTarget) async throws {
        starts += 1
        let (arguments, extra) = command(of: target)
        processes[target] = try await fleet.start(arguments, extra: extra, log: "\(target)-\(starts)")
    }

    private func command(of target: ChaosTarget) -> ([String], [String: String]) {
        switch target {
        case .worker(let number):
            (
                ["worker"],
                ["CHORUS_WORKER_NAME": "\(target)", "CHORUS_WORKER_STATE_DIRECTORY": "\(fleet.folder)/state-\(number)"]
            )
        case .gateway(let number): (["gateway"], ["CHORUS_HTTP_PORT": "\(gatewayPorts[number - 1])"])
        default:
            (
                [
                    "simulate-engine", "--port", "\(fleet.enginePort)", "--latency", "150ms", "--jitter", "100ms",
                    "--echo", "\(ChaosDraft.echoLimit)", "--record", engineRecord,
                ], [:]
            )
        }
    }

    func signal(_ target: ChaosTarget, _ signal: Int32) {
        complainIfDead(target)
        processes[target]?.signal(signal)
    }

    func kill(_ target: ChaosTarget) async {
        signal(target, SIGKILL)
        _ = await processes[target]?.exit()
    }

    /// Asks it to leave once it has begun, and expects that it leaves well.
    func drain(_ target: ChaosTarget) async throws {
        complainIfDead(target)
        guard let process = processes[target] else { return }
        // Until a process has taken over its signals, the kernel ends it.
        try await eventually("\(target) has begun", within: .seconds(30)) { process.exitIfKnown != nil || !process.log.tail().isEmpty }
        let exit = await process.terminate(grace: .seconds(60))
        if exit != .exited(0) { complaints.append("\(target) was asked to leave and \(exit): \(process.log.path)") }
    }

    /// Looks whether all run that should.
    func complainIfAnyDied() {
        for target in processes.keys { complainIfDead(target) }
    }

    private func complainIfDead(_ target: ChaosTarget) {
        guard let process = processes[target], let exit = process.exitIfKnown else { return }
        complaints.append("\(process.failure(exit))")
    }

    func stop() async {
        for targets in [ChaosTarget.workers, ChaosTarget.gateways, [.engine]] {
            await withDiscardingTaskGroup { group in
                for case let process? in targets.map({ processes[$0] }) {
                    group.addTask { await process.terminate(grace: .seconds(20)) }
                }
            }
        }
        await fleet.stop()
    }
}
