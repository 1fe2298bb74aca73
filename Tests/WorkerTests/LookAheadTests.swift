import Foundation
import Testing

@testable import Worker

@Suite struct LookAheadTests {
    private let start = ContinuousClock.now
    private let first = UUID()
    private let second = UUID()
    private let third = UUID()

    private func lookAhead(_ elements: [(Int, UUID)]) -> LookAhead<Int> {
        var lookAhead = LookAhead<Int>(patience: .milliseconds(100))
        for (element, project) in elements { lookAhead.append(element, project: project, at: start) }
        return lookAhead
    }

    @Test func oneProjectsTasksKeepTheirOrder() {
        var lookAhead = lookAhead((0..<10).map { ($0, first) })
        #expect(lookAhead.next(4, now: start) { _ in 7 } == [0, 1, 2, 3])
        #expect(lookAhead.count == 6)
        #expect(lookAhead.next(20, now: start) { _ in 7 } == [4, 5, 6, 7, 8, 9])
        #expect(lookAhead.isEmpty)
    }

    /// A runs 4 and has more ahead; B comes with 3: they go first, then the two take turns.
    @Test func whoHasLessHereGoesFirst() {
        var lookAhead = lookAhead([(0, first), (1, first), (2, first), (10, second), (11, second), (12, second)])
        #expect(lookAhead.next(5, now: start) { $0 == first ? 2 : 0 } == [10, 11, 0, 12, 1])
        #expect(lookAhead.removeAll() == [2])
    }

    @Test func equalsGoByArrival() {
        var lookAhead = lookAhead([(0, first), (1, second), (2, third), (3, first), (4, second), (5, third)])
        #expect(lookAhead.next(5, now: start) { _ in 0 } == [0, 1, 2, 3, 4])
    }

    @Test func whatGoesBackIsInTheOrderOfArrival() {
        var lookAhead = lookAhead([(0, first), (1, second), (2, first), (3, third), (4, second)])
        #expect(lookAhead.next(1, now: start) { $0 == third ? 0 : 1 } == [3])
        #expect(lookAhead.removeAll() == [0, 1, 2, 4])
        #expect(lookAhead.isEmpty && lookAhead.removeAll().isEmpty)
    }

    /// However many newcomers there are: who has waited for the patience's time is next, oldest first.
    @Test func nobodyWaitsBeyondThePatience() {
        var lookAhead = lookAhead([(0, first), (1, first), (2, second)])
        let later = start + .milliseconds(100)
        for number in 10..<20 { lookAhead.append(number, project: UUID(), at: later) }
        let counts = [first: 1_000, second: 5]
        #expect(lookAhead.next(1, now: later - .milliseconds(1)) { counts[$0, default: 0] } == [10])
        #expect(lookAhead.next(4, now: later) { counts[$0, default: 0] } == [0, 1, 2, 11])
    }

    /// Random arrivals and slots: everything comes out once, each project's tasks in their order.
    @Test(arguments: 1...20)
    func nothingIsLostOrDoubled(run: Int) {
        var random = SystemRandomNumberGenerator()
        let projects = (0..<4).map { _ in UUID() }
        var lookAhead = LookAhead<Int>(patience: .milliseconds(5))
        var owner: [Int: UUID] = [:]
        var (out, now, number) = ([Int](), start, 0)
        for _ in 0..<200 {
            now += .milliseconds(Int.random(in: 0...3, using: &random))
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let project = projects.randomElement(using: &random) ?? projects[0]
                owner[number] = project
                lookAhead.append(number, project: project, at: now)
                number += 1
            }
            let load = projects.map { _ in Int.random(in: 0...9, using: &random) }
            let next = lookAhead.next(Int.random(in: 0...5, using: &random), now: now) { load[projects.firstIndex(of: $0) ?? 0] }
            out += next
            if Int.random(in: 0..<50, using: &random) == 0 { out += lookAhead.removeAll() }
        }
        out += lookAhead.removeAll()
        #expect(out.sorted() == Array(0..<number))
        for project in projects {
            let own = out.filter { owner[$0] == project }
            #expect(own == own.sorted())
        }
    }
}
