import Domain
import Foundation
import Testing

@testable import Operations

/// What the audit sees: a run in which all is well, and each way to spoil it.
@Suite struct ChaosAuditTests {
    /// A request that was accepted, one that was refused, and one without an answer; its two tasks are completed. Then a family: a group of
    /// a parent with a child of its own, and of a leaf in a later stage.
    struct Books: Sendable {
        var ledger = ChaosLedger()
        var tasks: [ChaosTaskRow] = []
        var calls: [ChaosCallRow] = []
        var record = ""

        init() {
            var dice = SplitMix64(state: 1)
            // Arrays of one are as good as any.
            func draft(_ name: String, tasks: Int = 1, isArray: Bool? = nil) -> ChaosDraft {
                while true {
                    let draft = ChaosDraft(name: name, dice: &dice)
                    if draft.taskCount == tasks, isArray ?? draft.isArray == draft.isArray { return draft }
                }
            }
            let id = UUID.v7()
            ledger.note(draft("1"), .accepted([id]))
            ledger.note(draft("2"), .refused)
            ledger.note(draft("3"), .unknown)
            add(id, request: "1")
            add(.v7(), request: "3")
            let family = (0..<4).map { _ in UUID.v7() }
            ledger.note(draft("4", tasks: 4, isArray: false), .accepted(family))
            addFamily(family)
        }

        private mutating func addFamily(_ ids: [UUID]) {
            for id in ids { add(id, request: "4") }
            for (place, parent) in [(1, 0), (2, 1), (3, 0)] { tasks[2 + place].parentID = ids[parent] }
            for place in 0..<4 { tasks[2 + place].place = place }
            // Two seconds each, in the order in which they must run.
            for (turn, place) in [2, 1, 3, 0].enumerated() {
                tasks[2 + place].firstClaim = Date(timeIntervalSince1970: Double(turn * 2))
                tasks[2 + place].firstEnd = Date(timeIntervalSince1970: Double(turn * 2 + 1))
            }
            end(2, "completed")
            (tasks[2].isParent, tasks[2].type, tasks[2].counts) = (true, "group", "2/0/0")
            (tasks[3].isParent, tasks[3].prompt) = (true, "p \(ChaosFamily.section)")
            tasks[3].text = "Simulated answer to: p 1 of: <1 2 completed Simulated answer to: p 4>"
            tasks[5].stage = 1
        }

        /// The task's engine refuses it.
        mutating func refuse(_ task: Int) {
            let id = tasks[task].id
            (tasks[task].status, tasks[task].text) = ("failed", nil)
            (tasks[task].prompt, tasks[task].error) = ("p \(ChaosFamily.refusal)", "no")
            calls.removeAll { $0.taskID == id }
            calls.append(ChaosCallRow(taskID: id, attempt: 1, status: "failed", kind: "permanent"))
            record.replace("ended \(id.text).1 200", with: "ended \(id.text).1 400")
        }

        /// The task ends without a call.
        mutating func end(_ task: Int, _ status: String) {
            let id = tasks[task].id
            (tasks[task].status, tasks[task].text, tasks[task].counts) = (status, nil, nil)
            calls.removeAll { $0.taskID == id }
            record = record.split(separator: "\n").filter { !$0.contains(id.text) }.map { "\($0)\n" }.joined()
        }

        /// The parent fails over the child.
        mutating func fail(_ parent: Int, over child: Int) {
            end(parent, "failed")
            tasks[parent].failedChildID = tasks[child].id
            tasks[parent].error = "The child \(tasks[child].id.text) failed: no"
        }

        mutating func add(_ id: UUID, request: String) {
            tasks.append(
                ChaosTaskRow(
                    id: id, status: "completed", request: request, prompt: "p \(request)", text: "Simulated answer to: p \(request)"))
            calls.append(ChaosCallRow(taskID: id, attempt: 1, status: "completed"))
            record += "began \(id.text).1\nended \(id.text).1 200\n"
        }

        var rules: [String] {
            ChaosAudit(ledger: ledger, tasks: tasks, calls: calls, engine: ChaosEngineRecord(text: record)).findings.map(\.rule)
        }
    }

    struct Spoiling: Sendable, CustomTestStringConvertible {
        var rule: String
        var spoil: @Sendable (inout Books) -> Void
        var testDescription: String { rule }
    }

    static let spoilings = [
        Spoiling(rule: "accepted tasks are stored as they were acknowledged") { $0.tasks.removeFirst() },
        Spoiling(rule: "a refused request stores nothing") { $0.tasks[1].request = "2" },
        Spoiling(rule: "a request without an answer is stored once and whole, or not at all") { $0.add(.v7(), request: "3") },
        Spoiling(rule: "every task belongs to a request") { $0.add(.v7(), request: "5") },
        Spoiling(rule: "every task ends") { $0.tasks[0].status = "processing" },
        Spoiling(rule: "an answer is that of its prompt") { $0.tasks[0].text = "Simulated answer to: p 3" },
        Spoiling(rule: "what fails has a cause") { $0.tasks[0].status = "failed" },
        Spoiling(rule: "what fails has a cause") {
            $0.refuse(4)
            $0.fail(3, over: 4)
            $0.tasks[3].error = "no"
        },
        Spoiling(rule: "what is cancelled was cancelled by a person, or with its parent") { $0.tasks[0].status = "cancelled" },
        Spoiling(rule: "what is cancelled was cancelled by a person, or with its parent") { $0.tasks[5].status = "cancelled" },
        Spoiling(rule: "what a person cancelled stays cancelled") { $0.ledger.note(.cancel, of: $0.tasks[0].id, isDone: true) },
        Spoiling(rule: "what a person cancelled stays cancelled") { books in
            books.ledger.note(.retry, of: books.tasks[4].id, isDone: true)
            books.ledger.note(.cancel, of: books.tasks[5].id, isDone: true)
        },
        Spoiling(rule: "a parent's answer holds those of its children") { $0.tasks[4].text = "Simulated answer to: p" },
        Spoiling(rule: "a group counts its children") { $0.tasks[2].counts = "1/1/0" },
        Spoiling(rule: "a parent does what its policy says") { $0.tasks[5].status = "failed" },
        Spoiling(rule: "a parent does what its policy says") {
            $0.refuse(4)
            $0.fail(3, over: 4)
            $0.tasks[3].goesOn = true
        },
        Spoiling(rule: "children run before their parent, stage by stage") { $0.tasks[4].firstEnd = .distantFuture },
        Spoiling(rule: "children run before their parent, stage by stage") { $0.tasks[5].firstClaim = Date(timeIntervalSince1970: 0) },
        Spoiling(rule: "an attempt has one call") { $0.calls.append($0.calls[0]) },
        Spoiling(rule: "the engine is asked once for an attempt") { $0.record += "began \($0.calls[0].key)\n" },
        Spoiling(rule: "what the engine was asked stands in the ledger") { $0.record += "began \(UUID.v7().text).1\n" },
        Spoiling(rule: "what is completed was answered") { $0.record = $0.record.replacingOccurrences(of: " 200", with: " 500") },
        Spoiling(rule: "what was answered is not a failure") { $0.calls[0].status = "failed" },
        Spoiling(rule: "what was not sent did not arrive") { $0.calls[0].kind = "not_sent" },
        Spoiling(rule: "no call stays open") { $0.calls.append(ChaosCallRow(taskID: .v7(), attempt: 1, status: "pending")) },
        Spoiling(rule: "an answer is paid for twice only where the first came too late") { $0.tasks[0].attempt = 2 },
    ]

    @Test func nothingIsWrongWithWholeBooks() {
        #expect(Books().rules == [])
    }

    /// A child that fails takes its family with it, and another policy lets the parent run.
    @Test func familiesMayFail() {
        var books = Books()
        books.refuse(4)
        books.fail(3, over: 4)
        books.fail(2, over: 3)
        books.end(5, "cancelled")
        #expect(books.rules == [])

        books = Books()
        books.refuse(4)
        (books.tasks[3].goesOn, books.tasks[3].text) = (true, "Simulated answer to: p 0 of: <1 2 failed >")
        #expect(books.rules == [])
    }

    /// Somebody retried a relative since: that may have revived it.
    @Test func aRetryOfARelativeMayUndoACancel() {
        var books = Books()
        books.ledger.note(.cancel, of: books.tasks[5].id, isDone: true)
        books.ledger.note(.retry, of: books.tasks[4].id, isDone: true)
        #expect(books.rules == [])
    }

    @Test(arguments: spoilings) func seesWhatIsSpoilt(spoiling: Spoiling) {
        var books = Books()
        spoiling.spoil(&books)
        #expect(books.rules.contains(spoiling.rule), "\(books.rules)")
    }

    @Test func everyRuleCanBeBroken() {
        let books = Books()
        let audit = ChaosAudit(ledger: books.ledger, tasks: books.tasks, calls: books.calls, engine: ChaosEngineRecord(text: books.record))
        #expect(Set(audit.rules.map(\.0)) == Set(Self.spoilings.map(\.rule)))
    }
}
