import FoundationEssentials
import Store
import Testing

@testable import Worker

@Suite(.timeLimit(.minutes(1)))
struct StrayClaimsTests {
    private let one = TaskClaim(taskID: UUID(), attempt: 1)
    private let two = TaskClaim(taskID: UUID(), attempt: 1)

    @Test func whatIsNobodysTwiceInARowIsStray() {
        var strays = StrayClaims()
        #expect(strays.look(assigned: [one, two], held: [two]) == [])
        #expect(strays.look(assigned: [one, two], held: [two]) == [one])
        // Told once: what becomes of it is not this machine's business.
        #expect(strays.look(assigned: [one, two], held: [two]) == [])
    }

    @Test func whatIsOnItsWayHasTimeToCome() {
        var strays = StrayClaims()
        #expect(strays.look(assigned: [one], held: []) == [])
        #expect(strays.look(assigned: [one], held: [one]) == [])
        #expect(strays.look(assigned: [one], held: []) == [])
    }

    /// Recorded between the two questions of a look, and gone with the next one.
    @Test func whatHasEndedIsNotStray() {
        var strays = StrayClaims()
        #expect(strays.look(assigned: [one], held: []) == [])
        #expect(strays.look(assigned: [], held: []) == [])
    }

    @Test func anotherAttemptIsAnotherClaim() {
        var strays = StrayClaims()
        #expect(strays.look(assigned: [TaskClaim(taskID: one.taskID, attempt: 2)], held: [one]) == [])
        #expect(strays.look(assigned: [TaskClaim(taskID: one.taskID, attempt: 2)], held: [one]).map(\.attempt) == [2])
    }
}
