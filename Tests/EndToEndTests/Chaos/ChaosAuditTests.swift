import Domain
import Foundation
import Testing

@testable import Operations

/// What the audit sees: a run in which all is well, and each way to spoil it.
@Suite struct ChaosAuditTests {
    /// A request that was accepted, one that was refused, and one without an answer; its two tasks are completed.
    struct Books: Sendable {
        var ledger = ChaosLedger()
        var tasks: [ChaosTaskRow] = []
        var calls: [ChaosCallRow] = []
        var record = ""

        init() {
            var dice = SplitMix64(state: 1)
            // Arrays of one are as good as any.
            func draft(_ name: String) -> ChaosDraft {
                while true {
                    let draft = ChaosDraft(name: name, dice: &dice)
                    if draft.tasks.count == 1 { return draft }
                }
            }
            let id = UUID.v7()
            ledger.note(draft("1"), .accepted([id]))
            ledger.note(draft("2"), .refused)
            ledger.note(draft("3"), .unknown)
            add(id, request: "1")
            add(.v7(), request: "3")
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
        Spoiling(rule: "every task belongs to a request") { $0.add(.v7(), request: "4") },
        Spoiling(rule: "every task ends") { $0.tasks[0].status = "processing" },
        Spoiling(rule: "an answer is that of its prompt") { $0.tasks[0].text = "Simulated answer to: p 3" },
        Spoiling(rule: "what fails has a cause") { $0.tasks[0].status = "failed" },
        Spoiling(rule: "what is cancelled was cancelled by a person") { $0.tasks[0].status = "cancelled" },
        Spoiling(rule: "what a person cancelled stays cancelled") { $0.ledger.note(.cancel, of: $0.tasks[0].id, isDone: true) },
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
