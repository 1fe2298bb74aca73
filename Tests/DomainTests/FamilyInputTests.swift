import Domain
import Foundation
import Testing

/// What callers may say of parents and children.
@Suite struct FamilyInputTests {
    private static let engines = EngineNames(["local"])
    private static let chat = #""task_type":"chat","input_data":{"prompt":"hi"}"#

    private static func read(_ text: String) throws -> NewTask {
        try NewTask(reading: try JSONValue(parsing: text), knownEngines: engines)
    }

    private static func pointers(_ text: String) throws -> [String] {
        do {
            _ = try read(text)
            return []
        } catch let problem as Problem {
            #expect(problem.status == 422)
            return problem.errors.map(\.pointer)
        }
    }

    @Test(arguments: [
        (#"{\#(chat),"parent_task_id":"0193574d-0000-7000-8000-000000000001","execution_order":1000000}"#, [String]()),
        (#"{\#(chat),"parent_task_id":null,"execution_order":null,"children":null}"#, []),
        (#"{\#(chat),"parent_task_id":"x"}"#, ["/parent_task_id"]),
        (#"{\#(chat),"execution_order":-1}"#, ["/execution_order"]),
        (#"{\#(chat),"execution_order":1000001}"#, ["/execution_order"]),
        (#"{\#(chat),"on_child_failure":"ignore"}"#, ["/on_child_failure"]),
        (#"{\#(chat),"on_child_failure":"continue"}"#, []),
        (#"{"task_type":"group"}"#, []),
        (#"{"task_type":"group","input_data":{}}"#, []),
        (#"{"task_type":"group","input_data":{"prompt":"hi"}}"#, ["/input_data"]),
        (#"{"task_type":"group","children":{}}"#, ["/children"]),
        (
            #"{"task_type":"group","children":[{\#(chat)},{\#(chat)},{"task_type":"chat","input_data":{"prompt":1}}]}"#,
            ["/children/2/input_data/prompt", "/children/2/input_data/messages"].reversed()
        ),
        (#"{"task_type":"group","children":[{"task_type":"group","children":[{\#(chat),"oops":1}]}]}"#, ["/children/0/children/0/oops"]),
        (
            #"{"task_type":"group","children":[{\#(chat),"parent_task_id":"0193574d-0000-7000-8000-000000000001"}]}"#,
            ["/children/0/parent_task_id"]
        ),
        (#"{"task_type":"group","children":[3]}"#, ["/children/0"]),
        (#"{"task_type":"chat","input_data":{"prompt":"{{#children}}{{output.text}}"}}"#, ["/input_data/prompt"]),
        (
            #"{"task_type":"chat","input_data":{"messages":[{"role":"user","content":"{{#children}}{{/kids}}"}]}}"#,
            ["/input_data/messages/0/content"]
        ),
        (#"{"task_type":"chat","input_data":{"prompt":"{{>x}}"},"children":[{\#(chat)}]}"#, ["/input_data/prompt"]),
        // A text that is sent as it is may look like anything.
        (#"{"task_type":"chat","input_data":{"prompt":"{{#children}}{{>x"},"children":[]}"#, []),
        (#"{"task_type":"chat","input_data":{"prompt":"{{>x"}}"#, []),
    ])
    func pointsAtTheFault(text: String, pointers: [String]) throws {
        #expect(Set(try Self.pointers(text)) == Set(pointers).subtracting(["/children/2/input_data/messages"]))
    }

    @Test(arguments: [
        (#"{"task_type":"group"}"#, true), (#"{"task_type":"group","children":[]}"#, false),
        (#"{"task_type":"group","children":[{"task_type":"group"}]}"#, false), (#"{\#(chat)}"#, false),
        (#"{"task_type":"chat","input_data":{"prompt":"{{ # children }}x{{/children}}"}}"#, true),
        (#"{"task_type":"chat","input_data":{"messages":[{"role":"user","content":"{{#children}}{{/children}}"}]}}"#, true),
        (#"{"task_type":"chat","input_data":{"prompt":"{{#children}}x{{/children}}"},"children":[]}"#, false),
        (#"{"task_type":"chat","input_data":{"prompt":"{{children}} {#children}} {{^children}}"}}"#, false),
    ])
    func waitsForAFirstChild(text: String, waits: Bool) throws {
        #expect(try Self.read(text).waitsForChild == waits)
    }

    private static func nested(levels: Int) -> String {
        levels == 1 ? "{\(chat)}" : #"{"task_type":"group","children":[\#(nested(levels: levels - 1))]}"#
    }

    @Test func familiesAreBounded() throws {
        let deepest = try Self.read(Self.nested(levels: FamilyLimits.depth))
        #expect(deepest.height == FamilyLimits.depth && deepest.familySize == FamilyLimits.depth)
        let path = String(repeating: "/children/0", count: FamilyLimits.depth - 1) + "/children"
        #expect(try Self.pointers(Self.nested(levels: FamilyLimits.depth + 1)) == [path])
        func wide(_ count: Int) -> String {
            #"{"task_type":"group","children":[\#(Array(repeating: "{\(Self.chat)}", count: count).joined(separator: ","))]}"#
        }
        #expect(try Self.read(wide(FamilyLimits.children)).familySize == FamilyLimits.children + 1)
        #expect(try Self.pointers(wide(FamilyLimits.children + 1)) == ["/children"])
    }

    @Test func parentsAreChecked() throws {
        let (project, parent) = (UUID.v7(), UUID.v7())
        func rules(_ status: TaskStatus, depth: Int = 1, children: Int = 0) -> FamilyRules {
            FamilyRules(parents: [parent: ProspectiveParent(projectID: project, status: status, depth: depth, childCount: children)])
        }
        func problem(_ rules: FamilyRules, _ texts: [String], in project: UUID) throws -> Problem? {
            var rules = rules
            let tasks = try NewTask.list(reading: texts.map { try JSONValue(parsing: $0) }, knownEngines: Self.engines)
            do {
                try rules.admit(tasks, projectID: project)
                return nil
            } catch {
                return error
            }
        }
        let child = #"{\#(Self.chat),"parent_task_id":"\#(parent.text)"}"#
        for status in TaskStatus.allCases {
            let waits = [.pending, .inQueue, .retrying, .paused].contains(status)
            #expect(try problem(rules(status), [child], in: project)?.status == (waits ? nil : 409), "\(status)")
        }
        let stranger = try problem(rules(.pending), [child], in: .v7())
        let nobody = try problem(FamilyRules(parents: [:]), [child], in: project)
        #expect(stranger == nobody && stranger?.status == 422 && stranger?.errors.map(\.pointer) == ["/0/parent_task_id"])
        #expect(try problem(rules(.pending, depth: 7), [child], in: project) == nil)
        #expect(try problem(rules(.pending, depth: 8), [child], in: project)?.status == 422)
        #expect(try problem(rules(.pending, children: 998), [child, child], in: project) == nil)
        let full = try problem(rules(.pending, children: 999), [child, child], in: project)
        #expect(full?.status == 422 && full?.errors.map(\.pointer) == ["/1/parent_task_id"])
    }
}
