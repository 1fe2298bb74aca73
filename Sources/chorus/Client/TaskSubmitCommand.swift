import ArgumentParser
import Domain
import Foundation
import Store

struct TaskSubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit", abstract: "Hand tasks to a project: one prompt, or a file.",
        discussion: """
            A file holds JSON: a task such as {"task_type": "chat", "priority": 5, "input_data": {"prompt": "…"}}, which may hold \
            "children", an array of tasks, or one task a line. '-' reads standard input. Lines are one request, which is accepted whole or \
            not at all; a task, an array and --count make requests of up to 1,000 tasks, those inside others included. With \
            --idempotency-key the same command may be run again within a day: what was accepted is not accepted twice. Where it makes \
            several requests, each has the key with its number behind it.
            """)

    @OptionGroup var options: ClientOptions
    @Option(help: "The project's id.") var project: String
    @Option(help: "The text to send.") var prompt: String?
    @Option(help: "A task, an array of tasks, or tasks as lines: JSON.") var file: String?
    @Option(help: "0 to 9, higher is sooner.") var priority: Int?
    @Option(help: "The engine's name.") var engine: String?
    @Option(help: "Submit the prompt this many times, 1 to 100000.") var count = 1
    @Option(help: ArgumentHelp("A name for this submission, 1 to 240 printable ASCII characters.", valueName: "key"))
    var idempotencyKey: String?

    func validate() throws {
        guard (prompt == nil) != (file == nil) else { throw ValidationError("give either --prompt or --file") }
        guard (1...100_000).contains(count) else { throw ValidationError("--count must be 1 to 100000") }
        guard idempotencyKey.map({ $0.utf8.count <= 240 && IdempotencyKey.allows($0) }) ?? true else {
            throw ValidationError("--idempotency-key must have 1 to 240 printable ASCII characters")
        }
        guard file == nil || (count == 1 && engine == nil && priority == nil) else {
            throw ValidationError("--count, --engine and --priority go with --prompt; a file says them a line")
        }
    }

    func run() async throws {
        let load = try file.map(TaskFile.init(path:)) ?? .tasks(Array(repeating: single, count: count))
        let (ids, accepted) = try await options.withClient { client in
            var ids: [String] = []
            var accepted = 0
            func note(_ answer: JSONValue) {
                ids += (answer["task_ids"]?.arrayValue ?? []).compactMap(\.stringValue)
                accepted += answer["accepted"]?.intValue ?? 0
            }
            switch load {
            case .lines(let bytes): note(try await client.post("/v1/projects/\(project)/tasks", lines: bytes, key: idempotencyKey))
            case .tasks(let tasks):
                let parts = Self.requests(of: tasks)
                for (number, part) in parts.enumerated() {
                    let key = idempotencyKey.map { parts.count == 1 ? $0 : "\($0)/\(number + 1)" }
                    note(try await client.post("/v1/projects/\(project)/tasks", .array(part), key: key))
                }
            }
            return (ids, accepted)
        }
        if options.json {
            Output.json(["accepted": .number(JSONNumber(accepted)), "task_ids": .array(ids.map { .string($0) })])
        } else if ids.count == 1 {
            Output.line(ids[0])
        } else {
            Output.line("accepted \(accepted) tasks")
        }
    }

    private var single: JSONValue {
        var input: JSONObject = ["prompt": JSONValue(prompt)]
        if let engine { input["engine"] = .string(engine) }
        var task: JSONObject = ["task_type": "chat", "input_data": .object(input)]
        if let priority { task["priority"] = .number(JSONNumber(priority)) }
        return .object(task)
    }

    /// As many tasks at once as a request takes; a family is not cut.
    private static func requests(of tasks: [JSONValue]) -> [[JSONValue]] {
        var requests: [[JSONValue]] = []
        var size = 0
        for task in tasks {
            let familySize = familySize(task)
            if requests.isEmpty || size + familySize > FamilyLimits.tasksPerRequest {
                requests.append([])
                size = 0
            }
            requests[requests.count - 1].append(task)
            size += familySize
        }
        return requests
    }

    private static func familySize(_ task: JSONValue) -> Int {
        (task["children"]?.arrayValue ?? []).reduce(1) { $0 + familySize($1) }
    }
}
