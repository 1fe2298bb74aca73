import Domain
import Foundation
import Store
import Testing

@testable import Worker

@Suite struct EngineGateTests {
    private let start = ContinuousClock.now
    private let worker = UUID()
    private var limited: EngineGate.Limits { EngineGate.Limits(rates: SlotRates(requestsPerMinute: 600, tokensPerMinute: nil)) }

    private func gate(_ limits: EngineGate.Limits = EngineGate.Limits()) -> EngineGate {
        var gate = EngineGate(engine: "local")
        _ = gate.update(limits, probeLease: .seconds(10))
        return gate
    }

    private func grant(_ count: Int, slot: Double = 0, nextIn: Double = 0.5) -> SlotGrant {
        SlotGrant(count: count, requestSlot: slot, tokenSlot: slot, nextIn: nextIn)
    }

    private func take(_ gate: inout EngineGate, at now: ContinuousClock.Instant) throws -> (SlotRequest, [UInt64]) {
        guard case .take(let request, let tickets) = gate.order(at: now, worker: worker) else { throw CancellationError() }
        return (request, tickets)
    }

    @Test func withoutLimitsNothingIsAsked() {
        var gate = gate()
        for ticket in 0..<100 as Range<UInt64> { #expect(gate.enter(ticket, tokens: 0, at: start) == .pass(EngineGate.Pass())) }
        for _ in 0..<100 { #expect(gate.end(EngineGate.Pass(), .works, tokens: 5, at: start).isEmpty) }
        #expect(gate.order(at: start + .seconds(10), worker: worker) == nil)
        #expect(gate.alarm == nil && gate.isQuiet)
    }

    /// One question for all that wait; those without a slot ask again when there are some.
    @Test func callsPassInTheirOrder() throws {
        var gate = gate(limited)
        for ticket in 1...20 as ClosedRange<UInt64> { #expect(gate.enter(ticket, tokens: 0, at: start) == .wait) }
        let (request, tickets) = try take(&gate, at: start)
        #expect(request.costs.count == 10, "a second's worth")
        #expect(tickets == Array(1...10))
        #expect(gate.order(at: start, worker: worker) == nil, "one question at a time")
        let now = start + .milliseconds(20)
        let answer = SlotAnswer(state: .open, places: 0, grant: grant(3, slot: 0.1))
        let releases = gate.answered(answer, to: request, tickets: tickets, sentAt: start, at: now)
        let times = releases.compactMap { release -> EngineGate.SlotTime? in
            if case .pass(_, _, let time) = release { time } else { nil }
        }
        #expect(releases.map(\.ticket) == [1, 2, 3])
        #expect(times.map { ($0.earliest - now) / .milliseconds(1) }.map { $0.rounded() } == [100, 200, 300], "by the later time")
        #expect(times.map { ($0.latest - start) / .milliseconds(1) }.map { $0.rounded() } == [1_100, 1_200, 1_300], "by the earlier time")
        #expect(gate.order(at: now + .milliseconds(499), worker: worker) == nil)
        #expect(try take(&gate, at: now + .milliseconds(500)).1.first == 4)
    }

    @Test func aSlotThatWasNotUsedIsVoid() {
        var gate = gate(limited)
        let time = EngineGate.SlotTime(earliest: start, latest: start + .seconds(1))
        #expect(gate.begin(EngineGate.Pass(), time: time, at: start + .seconds(1)) == .begin)
        #expect(gate.begin(EngineGate.Pass(), time: time, at: start + .milliseconds(1_001)) == .tooLate)
    }

    @Test func whoWaitsTooLongIsHandedBack() throws {
        var gate = gate(limited)
        #expect(gate.enter(1, tokens: 0, at: start) == .wait)
        let (request, tickets) = try take(&gate, at: start)
        _ = gate.answered(
            SlotAnswer(state: .open, places: 0, grant: grant(0, nextIn: 9)), to: request, tickets: tickets, sentAt: start, at: start)
        #expect(gate.handBack(at: start + .milliseconds(1_999)).isEmpty)
        #expect(gate.alarm == start + .seconds(2))
        #expect(
            gate.handBack(at: start + .seconds(2)) == [.held(ticket: 1, GateHold(engine: "local", .usedUp, after: .seconds(7)))])
        #expect(gate.waiting.isEmpty)
    }

    /// What is noted as waiting keeps others from being sent: who leaves without a slot is taken off the note.
    @Test func whoLeavesWaitsNoMoreInTheDatabase() throws {
        var gate = gate(limited)
        _ = gate.enter(1, tokens: 7, at: start)
        _ = gate.enter(2, tokens: 8, hasChoice: true, at: start)
        _ = gate.enter(3, tokens: 9, at: start)
        let (request, tickets) = try take(&gate, at: start)
        #expect(request.waits == [7, nil, 9])
        _ = gate.answered(
            SlotAnswer(state: .open, places: 0, grant: grant(0, nextIn: 9), noted: 2), to: request, tickets: tickets, sentAt: start,
            at: start)
        #expect(gate.order(at: start, worker: worker) == nil)
        gate.withdraw(2)
        #expect(gate.order(at: start, worker: worker) == nil && gate.alarm == start + .seconds(2), "it was not on the note")
        gate.withdraw(1)
        #expect(gate.order(at: start, worker: worker) == nil && gate.alarm == start + .milliseconds(150))
        let (news, none) = try take(&gate, at: start + .milliseconds(150))
        #expect(news.waits == [9] && news.costs.isEmpty && none.isEmpty)
        _ = gate.answered(
            SlotAnswer(state: .open, places: 0, grant: grant(0), noted: 1), to: news, tickets: [], sentAt: start,
            at: start + .milliseconds(160))
        gate.withdraw(3)
        _ = gate.order(at: start + .seconds(1), worker: worker)
        #expect(!gate.isQuiet && gate.alarm == start + .milliseconds(1_150))
    }

    @Test func aCancelledCallLeavesAtOnce() throws {
        var gate = gate(limited)
        for ticket in 1...3 as ClosedRange<UInt64> { _ = gate.enter(ticket, tokens: 0, at: start) }
        gate.withdraw(1)
        let (request, tickets) = try take(&gate, at: start)
        #expect(tickets == [2, 3])
        gate.withdraw(2)
        let releases = gate.answered(
            SlotAnswer(state: .open, places: 0, grant: grant(2)), to: request, tickets: tickets, sentAt: start, at: start)
        #expect(releases.map(\.ticket) == [3])
        #expect(gate.waiting.isEmpty)
    }

    @Test func theQueueIsBounded() {
        var gate = EngineGate(engine: "local", capacity: 2)
        _ = gate.update(limited, probeLease: .seconds(1))
        #expect(gate.enter(1, tokens: 0, at: start) == .wait)
        #expect(gate.enter(2, tokens: 0, at: start) == .wait)
        guard case .held = gate.enter(3, tokens: 0, at: start) else { return #expect(Bool(false), "it waits") }
    }

    @Test func placesAreTakenAndGivenBackInSlices() throws {
        var gate = gate(EngineGate.Limits(concurrency: 8))
        for ticket in 1...3 as ClosedRange<UInt64> { #expect(gate.enter(ticket, tokens: 0, at: start) == .wait) }
        let (request, tickets) = try take(&gate, at: start)
        #expect(request.placesUsed == 0 && request.placesWanted == 3)
        let releases = gate.answered(
            SlotAnswer(state: .open, places: 2, grant: grant(2)), to: request, tickets: tickets, sentAt: start, at: start)
        #expect(releases.map(\.ticket) == [1, 2])
        #expect(gate.placesUsed == 2)
        // The third one follows on the place of the first, without a question.
        let pass = EngineGate.Pass(hasPlace: true, tokens: 0, term: gate.term)
        #expect(gate.end(pass, .works, tokens: nil, at: start).map(\.ticket) == [3])
        #expect(gate.end(pass, .works, tokens: nil, at: start).isEmpty)
        #expect(gate.enter(4, tokens: 0, at: start) == .pass(pass), "a place is kept for a moment")
        #expect(gate.end(pass, .works, tokens: nil, at: start).isEmpty)
        #expect(gate.end(pass, .works, tokens: nil, at: start).isEmpty)
        #expect(gate.order(at: start, worker: worker) == nil)
        let (settlement, none) = try take(&gate, at: start + .milliseconds(150))
        #expect(settlement.placesUsed == 0 && settlement.placesWanted == 0 && none.isEmpty)
        _ = gate.answered(
            SlotAnswer(state: .open, places: 0, grant: grant(0)), to: settlement, tickets: [], sentAt: start, at: start)
        #expect(gate.alarm == nil)
    }

    /// A worker that was taken for dead has lost its places; its old calls give back nothing.
    @Test func anotherIdentityHasOtherPlaces() throws {
        var gate = gate(EngineGate.Limits(concurrency: 8))
        _ = gate.enter(1, tokens: 0, at: start)
        let (request, tickets) = try take(&gate, at: start)
        let releases = gate.answered(
            SlotAnswer(state: .open, places: 1, grant: grant(1)), to: request, tickets: tickets, sentAt: start, at: start)
        guard case .pass(_, let pass, _) = releases.first else { return #expect(Bool(false)) }
        _ = gate.enter(2, tokens: 0, at: start)
        guard case .take(let anew, _) = gate.order(at: start, worker: UUID()) else { return #expect(Bool(false)) }
        #expect(anew.placesUsed == 0)
        _ = gate.end(pass, .works, tokens: nil, at: start)
        #expect(gate.placesUsed == 0)
    }

    @Test func aRefusalClosesForAllThatWaitAndCome() {
        var gate = gate()
        #expect(gate.enter(1, tokens: 0, at: start) == .pass(EngineGate.Pass()))
        _ = gate.end(EngineGate.Pass(), .refused(.rateLimited, pause: .seconds(7), message: "slow down"), tokens: 0, at: start)
        let news = GateNews.close(.rateLimited, message: "slow down", pause: .seconds(7), wasProbe: false)
        #expect(gate.order(at: start, worker: worker) == .tell(news))
        #expect(
            gate.enter(2, tokens: 0, at: start)
                == .held(GateHold(engine: "local", .closed(.rateLimited, "slow down"), after: .seconds(7))))
        // Those that were under way are refused likewise: nothing more is told.
        for _ in 0..<50 {
            _ = gate.end(EngineGate.Pass(), .refused(.rateLimited, pause: .seconds(7), message: "slow down"), tokens: 0, at: start)
            _ = gate.end(EngineGate.Pass(), .refused(.rateLimited, pause: nil, message: "slow down"), tokens: 0, at: start)
        }
        _ = gate.told(news, closedFor: 7.5, at: start)
        #expect(gate.order(at: start, worker: worker) == nil)
        #expect(gate.closure?.until == start + .milliseconds(7_500))
    }

    @Test func oneProbeDecides() throws {
        for verdict in [CallVerdict.works, .refused(.overloaded, pause: nil, message: "busy"), .stopped] {
            var gate = gate()
            _ = gate.heard(EngineGate.Closure(reason: .rateLimited, message: "", until: start + .seconds(1)), at: start)
            guard case .held = gate.enter(1, tokens: 0, at: start) else { return #expect(Bool(false)) }
            let later = start + .seconds(1)
            #expect(gate.enter(2, tokens: 0, at: later) == .wait)
            #expect(gate.enter(3, tokens: 0, at: later) == .wait)
            let (request, tickets) = try take(&gate, at: later)
            #expect(request.costs.count == 1)
            let releases = gate.answered(
                SlotAnswer(state: .probe, closedFor: 0, reason: .rateLimited, places: 0, grant: grant(1)), to: request, tickets: tickets,
                sentAt: later, at: later)
            #expect(releases.map(\.ticket) == [2, 3])
            guard case .pass(_, let pass, _) = releases[0], case .held = releases[1] else { return #expect(Bool(false)) }
            #expect(pass.isProbe)
            guard case .held = gate.enter(4, tokens: 0, at: later) else { return #expect(Bool(false), "no second probe") }
            _ = gate.end(pass, verdict, tokens: nil, at: later)
            switch verdict {
            case .works:
                #expect(gate.order(at: later, worker: worker) == .tell(.open))
                #expect(gate.enter(5, tokens: 0, at: later) == .pass(EngineGate.Pass()))
            case .stopped:
                #expect(gate.order(at: later, worker: worker) == .tell(.gaveUpProbe))
                #expect(gate.enter(5, tokens: 0, at: later) == .wait)
            default:
                #expect(
                    gate.order(at: later, worker: worker)
                        == .tell(.close(.overloaded, message: "busy", pause: nil, wasProbe: true)))
            }
        }
    }

    /// The circuit closes the gate like a refusal; a task's own faults do not count.
    @Test func failuresBreakTheCircuit() {
        var gate = gate()
        for _ in 0..<100 { _ = gate.end(EngineGate.Pass(), .works, tokens: nil, at: start) }
        #expect(gate.isFree)
        for _ in 0..<100 where gate.isFree { _ = gate.end(EngineGate.Pass(), .failed(message: "HTTP 500"), tokens: nil, at: start) }
        #expect(
            gate.order(at: start, worker: worker) == .tell(.close(.circuit, message: "HTTP 500", pause: nil, wasProbe: false)))
    }

    /// Answers that take too long break it too.
    @Test func slownessBreaksTheCircuit() {
        var gate = gate()
        for _ in 0..<19 { _ = gate.end(EngineGate.Pass(), .slow, tokens: nil, at: start) }
        #expect(gate.isFree, "too few to tell")
        _ = gate.end(EngineGate.Pass(), .slow, tokens: nil, at: start)
        #expect(
            gate.order(at: start, worker: worker)
                == .tell(.close(.circuit, message: "its answers take too long", pause: nil, wasProbe: false)))
    }
}
