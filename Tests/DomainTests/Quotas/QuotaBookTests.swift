import Domain
import Foundation
import Testing

/// What quotas leave, counted down.
struct QuotaBookTests {
    private static let project = UUID()
    private static let reset = Date(timeIntervalSince1970: 1_800_000_000)

    private static func quota(
        _ type: QuotaType, limit: Int, used: Int = 0, reserved: Int = 0, project: UUID? = nil
    ) -> Quota {
        Quota(
            id: UUID(), userID: UUID(), projectID: project, type: type, limit: limit, used: used, reserved: reserved, resetsAt: reset)
    }

    private static func book(_ quotas: Quota...) -> QuotaBook { QuotaBook(quotas.map { (project, $0) }) }

    @Test func takesToTheUnit() {
        var book = Self.book(Self.quota(.tokens, limit: 100, used: 40))
        #expect(book.take([.tokens: 59], of: Self.project) == .taken)
        #expect(book.take([.tokens: 1], of: Self.project) == .taken)
        guard case .waits(let quota) = book.take([.tokens: 1], of: Self.project) else {
            Issue.record("it does not wait for what is reserved")
            return
        }
        #expect(quota.reserved == 60 && quota.remaining == 0 && quota.left == 60)
    }

    @Test func whatCannotFitExceeds() {
        let quota = Self.quota(.tokens, limit: 100, used: 90)
        var book = Self.book(quota)
        #expect(book.take([.tokens: 11], of: Self.project) == .exceeds(quota))
        #expect(book.take([.tokens: 10], of: Self.project) == .taken)
    }

    /// All quotas take it, or none does.
    @Test func everyQuotaHasAWord() {
        let account = Self.quota(.costMicros, limit: 1_000)
        let budget = Self.quota(.tokens, limit: 10, reserved: 5, project: Self.project)
        var book = Self.book(account, budget)
        #expect(book.take([.tokens: 6, .costMicros: 1_000], of: Self.project) == .waits(budget))
        #expect(book.take([.tokens: 5, .costMicros: 1_000], of: Self.project) == .taken)
        #expect(book.take([.costMicros: 1], of: Self.project) != .taken)
        #expect(book.take([.tasks: 1_000_000], of: Self.project) == .taken, "what has no quota is not bounded")
        #expect(book.take([.tokens: 1_000_000], of: UUID()) == .taken)
    }

    /// Projects of one account share its quota.
    @Test func oneQuotaBoundsManyProjects() {
        let quota = Self.quota(.tokens, limit: 10)
        let (one, other) = (UUID(), UUID())
        var book = QuotaBook([(one, quota), (other, quota)])
        #expect(book.take([.tokens: 6], of: one) == .taken)
        guard case .waits = book.take([.tokens: 5], of: other) else {
            Issue.record("the account's quota was given twice")
            return
        }
        #expect(book.take([.tokens: 4], of: other) == .taken)
        #expect(book.quotas(of: one).map(\.reserved) == [10])
    }

    @Test func aLimitBelowWhatIsUsedLeavesNothing() {
        let quota = Self.quota(.tokens, limit: 10, used: 20)
        var book = Self.book(quota)
        #expect(book.exhausted([.tokens], of: Self.project) == quota)
        #expect(book.take([.tokens: 1], of: Self.project) == .exceeds(quota))
        #expect(book.take([.tokens: 0], of: Self.project) == .taken)
        #expect(quota.remaining == 0 && quota.left == 0)
    }

    @Test func aRefusalSaysWhatIsLeft() {
        let quota = Self.quota(.tasks, limit: 100, used: 97, project: Self.project)
        let problem = Problem.exhausted(quota, wanted: 5, at: Self.reset.addingTimeInterval(-60.5))
        #expect(problem.status == 429 && problem.retryAfter == 61)
        #expect(problem.quota?.policyField == #""project-tasks";q=100;qu="tasks""#)
        #expect(problem.quota?.limitField == #""project-tasks";r=3;t=61"#)
        #expect(problem.json["violated-policies"] == ["project-tasks"])
        #expect(problem.json["quota"]?["remaining"] == 3 && problem.json["quota"]?["reset_date"]?.stringValue?.count == 10)
        #expect(problem.detail?.contains("5 tasks") == true && problem.detail?.contains("3 left") == true)
    }

    @Test func budgetsAreChecked() throws {
        func pointers(_ budget: JSONValue) -> [String] {
            do throws(Problem) {
                _ = try NewProject(reading: ["project_name": "x", "settings": ["budget": budget]], knownEngines: EngineNames([]))
                return []
            } catch {
                return error.errors.map(\.pointer)
            }
        }
        #expect(pointers(["tasks": 0, "tokens": 1_000_000_000_000_000, "cost_micros": nil]).isEmpty)
        #expect(pointers(nil).isEmpty)
        #expect(
            pointers(["tasks": -1, "tokens": 1.5, "cost_micros": "5", "dollars": 1])
                == ["/settings/budget/tasks", "/settings/budget/tokens", "/settings/budget/cost_micros", "/settings/budget/dollars"])
        #expect(pointers([5]) == ["/settings/budget"])
    }
}
