public import Domain
public import FoundationEssentials
import Postgres

/// What a worker asks of an engine's gate for its calls that wait.
public struct SlotRequest: Sendable, Hashable {
    public var engine: String
    public var workerID: UUID
    /// Calls at once, over the whole fleet; nil without a limit.
    public var concurrency: Int?
    /// The places that the worker's calls have.
    public var placesUsed: Int
    /// The places that it would have, these included.
    public var placesWanted: Int
    public var rates: SlotRates
    /// Estimated tokens of each call.
    public var costs: [Int]
    /// Estimated tokens of the calls that wait, these first, so far as they are to be noted; nil for those whose tasks may be done by another
    /// engine.
    public var waits: [Int?]
    /// Tokens that calls which have ended used more than they had reserved.
    public var settled: Int
    /// How long a probe may take, in seconds.
    public var probeLease: Double

    public init(
        engine: String, workerID: UUID, concurrency: Int?, placesUsed: Int, placesWanted: Int, rates: SlotRates, costs: [Int],
        waits: [Int?] = [], settled: Int, probeLease: Double
    ) {
        self.engine = engine
        self.workerID = workerID
        self.concurrency = concurrency
        self.placesUsed = placesUsed
        self.placesWanted = placesWanted
        self.rates = rates
        self.costs = costs
        self.waits = waits
        self.settled = settled
        self.probeLease = probeLease
    }
}

/// What the gate answers.
public struct SlotAnswer: Sendable, Hashable {
    public enum State: String, Sendable, CaseIterable {
        case open, closed
        /// Somebody else's probe is under way.
        case probing
        /// The one slot is for a probe.
        case probe
        /// There is no such engine any more.
        case gone
    }

    public var state: State
    /// Seconds until the gate may be tried, or until the probe must have ended.
    public var closedFor: Double?
    public var reason: GateReason?
    public var message: String?
    /// The places that the worker now has.
    public var places: Int
    public var grant: SlotGrant
    /// How many of its calls are noted as waiting.
    public var noted: Int

    public init(
        state: State, closedFor: Double? = nil, reason: GateReason? = nil, message: String? = nil, places: Int, grant: SlotGrant,
        noted: Int = 0
    ) {
        self.state = state
        self.closedFor = closedFor
        self.reason = reason
        self.message = message
        self.places = places
        self.grant = grant
        self.noted = noted
    }
}

/// A gate that is closed, or waits for a probe.
public struct ClosedGate: Sendable, Hashable {
    public var engine: String
    /// Seconds until a probe may be let through; less than 0 where one may be now.
    public var closedFor: Double
    public var reason: GateReason
    public var message: String

    public init(engine: String, closedFor: Double, reason: GateReason, message: String) {
        self.engine = engine
        self.closedFor = closedFor
        self.reason = reason
        self.message = message
    }
}

extension Store {
    /// The channel on which it is told that a gate was closed or opened.
    public static let gateChannel = "chorus_gates"

    /// Takes slots and places for a worker's calls, for all of them with one statement (`chorus_take_slots`), and notes how many go on waiting
    /// where the engine has rates. Tasks that have a choice of engines are held back by none, so their calls are not noted either: they would
    /// keep those that have none from ever being sent. At a closed gate no call waits for long.
    /// Indexes: `engine_gates_pkey`, `engine_places_pkey`, `engine_waits_pkey`, `workers_pkey`.
    public func takeSlots(_ request: SlotRequest) async throws -> SlotAnswer {
        let costs = request.costs.map { Int32(clamping: $0) }
        // Less than 0 for one that is not to be noted.
        let waits = request.waits.map { $0.map { max(0, Int32(clamping: $0)) } ?? -1 }
        let answers = try await database.query(
            """
            WITH taken AS MATERIALIZED (
                SELECT *
                FROM chorus_take_slots(\(request.engine), \(request.workerID), \(request.concurrency.map { Int32(clamping: $0) }),
                    \(Int32(clamping: request.placesUsed)), \(Int32(clamping: request.placesWanted)), \(request.rates.requestInterval),
                    \(request.rates.tokenInterval), \(costs), \(Int64(clamping: request.settled)), \(request.probeLease))
            ), waits AS (
                INSERT INTO engine_waits (engine, worker_id, asked_at, calls, tokens)
                SELECT \(request.engine), \(request.workerID), now(), left_over.calls, left_over.tokens
                FROM taken CROSS JOIN LATERAL (
                    SELECT count(*)::int AS calls, coalesce(sum(cost), 0) AS tokens
                    FROM unnest((\(waits))[slots + 1:]) AS wait (cost) WHERE cost >= 0 AND state = 'open'
                ) AS left_over
                WHERE \(request.rates.areLimited) AND state <> 'gone'
                ON CONFLICT (engine, worker_id) DO UPDATE
                SET asked_at = excluded.asked_at, calls = excluded.calls, tokens = excluded.tokens
                RETURNING calls
            )
            SELECT state, closed_for, reason, message, places, slots, request_slot, token_slot, next_in,
                coalesce((SELECT calls FROM waits), 0)
            FROM taken
            """
        ) { row in
            var columns = row.columns
            return SlotAnswer(
                state: try columns.nextCase(), closedFor: try columns.next(),
                reason: try columns.next(as: String?.self).flatMap(GateReason.init), message: try columns.next(),
                places: try columns.next(),
                grant: SlotGrant(
                    count: try columns.next(), requestSlot: try columns.next(as: Double?.self) ?? 0,
                    tokenSlot: try columns.next(as: Double?.self) ?? 0, nextIn: try columns.next(as: Double?.self) ?? 1),
                noted: try columns.next())
        }
        return answers.first
            ?? SlotAnswer(
                state: .gone, places: 0, grant: SlotGrant(count: 0, requestSlot: 0, tokenSlot: 0, nextIn: 1))
    }

    /// Closes a gate for the whole fleet, which is told at once, and says for how many seconds; nil where the engine is gone.
    /// Index: `engine_gates_pkey`.
    ///
    /// - Parameters:
    ///   - wasProbe: the call that says so was the gate's probe.
    ///   - pause: how long the engine asks to be left alone.
    ///   - base: how long the first closing in a row lasts where the engine does not say, in seconds.
    public func closeGate(
        _ engine: String, workerID: UUID, wasProbe: Bool, pause: Duration?, base: Double, reason: GateReason, message: String
    ) async throws -> Double? {
        try await database.query(
            """
            SELECT chorus_close_gate(\(engine), \(workerID), \(wasProbe), \(pause.map { min($0, .seconds(3_600)).seconds }), \(base),
                \(reason.rawValue), \(String(message.prefix(300))))
            """
        ) { try $0.decode(Double?.self) }.first ?? nil
    }

    /// Forgets what workers had waiting that have long gone, or ask no more. Index: `engine_waits_pkey`; the table has a row an engine and worker.
    public func forgetWaits() async throws {
        _ = try await database.execute("DELETE FROM engine_waits WHERE asked_at < now() - interval '10 minutes'")
    }

    /// The worker's probe succeeded: the gate opens for the whole fleet. Index: `engine_gates_pkey`.
    public func openGate(_ engine: String, workerID: UUID) async throws {
        _ = try await database.query("SELECT chorus_open_gate(\(engine), \(workerID)) IS NULL") { try $0.decode(Bool.self) }
    }

    /// The worker's probe ended without telling anything: another one may follow. Index: `engine_gates_pkey`.
    public func giveUpProbe(_ engine: String, workerID: UUID) async throws {
        _ = try await database.execute(
            "UPDATE engine_gates SET probe_worker = NULL, probe_until = NULL WHERE engine = \(engine) AND probe_worker = \(workerID)")
    }

    /// The gates that are not open. The table has a row an engine.
    public func closedGates() async throws -> [ClosedGate] {
        try await database.query(
            """
            SELECT engine, extract(epoch FROM closed_until - clock_timestamp())::float8, closed_reason, coalesce(closed_message, '')
            FROM engine_gates WHERE closed_until IS NOT NULL LIMIT 1000
            """
        ) { row in
            var columns = row.columns
            return ClosedGate(
                engine: try columns.next(), closedFor: try columns.next(), reason: try columns.nextCase(), message: try columns.next())
        }
    }
}
