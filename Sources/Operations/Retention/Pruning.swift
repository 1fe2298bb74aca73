public import Domain
import FoundationEssentials
import Logging
import Postgres
import ServiceLifecycle
public import Store

/// Removes ended tasks whose time is over, batch by batch, beside a system that goes on. In a service group a graceful shutdown ends the run
/// behind its batch.
public struct Pruning: Sendable {
    /// Tasks looked at by one transaction, which takes some tens of milliseconds.
    public static let batchSize = 500
    /// Days that rows of workers that have ended are kept.
    static let workerDays = 30
    /// How often a batch is tried that met somebody.
    private static let tries = 4

    private let store: Store
    private let days: Int
    private let pace: PrunePace
    private let batchSize: Int
    private let isTrial: Bool
    private let archive: PruneFile?

    /// - Parameters:
    ///   - days: after which tasks go, of projects that say nothing themselves; 0 keeps them for ever.
    ///   - isTrial: removes nothing, and says what would go.
    ///   - archive: takes the tasks before they go.
    public init(
        store: Store, days: Int, pace: PrunePace = PrunePace(), isTrial: Bool = false, archive: PruneFile? = nil, batchSize: Int = batchSize
    ) {
        self.store = store
        self.days = days
        self.pace = pace
        self.isTrial = isTrial
        self.archive = archive
        self.batchSize = batchSize
    }

    /// - Parameters:
    ///   - deadline: no batch begins behind it.
    ///   - progress: what has gone so far, after each batch.
    /// - Throws: `OperationsError` where another run is under way; what a batch met that does not pass.
    public func run(
        until deadline: ContinuousClock.Instant, progress: (PruneReport) -> Void = { _ in }
    ) async throws -> PruneReport {
        // A session of its own keeps the lock: connections of the pool come and go.
        let session = try await PostgresConnection.connect(store.database.configuration, logger: Logger(label: "chorus.prune"))
        do {
            guard try await holdsLock(session) else {
                throw OperationsError(.wrongState, "another 'chorus prune' is under way on this database")
            }
            let report = try await walk(until: deadline, progress)
            await end(session)
            return report
        } catch {
            await end(session)
            throw error
        }
    }

    /// Gives the lock back, where it has one: that of a session that is merely closed goes when its server process has noticed.
    private func end(_ session: PostgresConnection) async {
        _ = try? await session.perform { try $0.execute("SELECT pg_advisory_unlock_all()") }
        await session.close()
    }

    private func holdsLock(_ session: PostgresConnection) async throws -> Bool {
        if isTrial { return true }
        return try await session.perform { connection in
            try connection.query("SELECT pg_try_advisory_lock(\(Store.pruneLock))").first?.decode(Bool.self) ?? false
        }
    }

    private func walk(until deadline: ContinuousClock.Instant, _ progress: (PruneReport) -> Void) async throws -> PruneReport {
        var report = PruneReport()
        var last: UUID?
        while true {
            let plans = try await store.prunePlans(days: days, after: last, limit: 100)
            for plan in plans {
                let before = report.tasks
                let isAtEnd = try await prune(plan, until: deadline, &report, progress)
                let gone = report.tasks - before
                report.add(plan, tasks: gone)
                if gone > 0, !isTrial { try await store.logPruning(plan, tasks: gone) }
                guard isAtEnd else { return report }
            }
            guard let end = plans.last else { break }
            last = end.projectID
        }
        if !isTrial { report.workers = try await store.forgetWorkers(olderThan: Self.workerDays, limit: 10_000) }
        report.isComplete = true
        return report
    }

    /// Whether the walk came to the end of the project's tasks.
    private func prune(
        _ plan: PrunePlan, until deadline: ContinuousClock.Instant, _ report: inout PruneReport, _ progress: (PruneReport) -> Void
    ) async throws -> Bool {
        var next: UUID?
        repeat {
            let start = ContinuousClock.now
            guard start < deadline, !Task.isShuttingDownGracefully else { return false }
            let batch = try await attempt(plan, after: next)
            report.add(batch)
            progress(report)
            next = batch.next
            try await pause(until: min(.now + pace.rest(after: batch.tasks, took: .now - start), deadline))
        } while next != nil
        return true
    }

    /// A shutdown ends it early.
    private func pause(until end: ContinuousClock.Instant) async throws {
        do {
            try await cancelWhenGracefulShutdown { try await Task.sleep(until: end) }
        } catch is CancellationError where Task.isShuttingDownGracefully {}
    }

    /// Somebody may hold what the batch needs, or the server be away for a moment.
    private func attempt(_ plan: PrunePlan, after last: UUID?) async throws -> PruneBatch {
        if isTrial { return try await store.pruneTrial(plan, after: last, limit: batchSize) }
        var tried = 0
        while true {
            tried += 1
            do {
                let batch = try await store.prune(plan, after: last, limit: batchSize, archive: archive)
                archive?.keep()
                return batch
            } catch let error as PostgresError {
                // Where a commit may have been made the lines stay: better twice in the file than nowhere.
                if error.leavesOutcomeOpen { archive?.keep() } else { archive?.takeBack() }
                guard tried < Self.tries, error.isRetryable else { throw error }
                try await Task.sleep(for: .seconds(tried))
            } catch {
                archive?.takeBack()
                throw error
            }
        }
    }
}
