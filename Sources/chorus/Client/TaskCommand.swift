import ArgumentParser
import Domain

struct TaskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "task", abstract: "Tasks.",
        subcommands: [
            TaskSubmitCommand.self, TaskListCommand.self, TaskShowCommand.self, TaskWhyCommand.self, TaskWatchCommand.self,
            TaskCancelCommand.self, TaskPauseCommand.self, TaskResumeCommand.self, TaskRetryCommand.self,
        ])
}

struct TaskListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List a project's tasks, newest first, or a task's children in their order.")

    @OptionGroup var options: ClientOptions
    @Option(help: "The project's id.") var project: String?
    @Option(help: "The id of a task: its children are listed.") var parent: String?
    @Option(help: "Only tasks in this status; several are separated by commas.") var status: String?
    @Option(help: "At most this many, 1 to 500.") var limit = 50
    @Option(help: "Goes on where an earlier list ended.") var cursor: String?

    func validate() throws {
        guard (project == nil) != (parent == nil) else { throw ValidationError("give either --project or --parent") }
    }

    func run() async throws {
        let path = parent.map { "/v1/tasks/\($0)/children" } ?? "/v1/projects/\(project ?? "")/tasks"
        let page = try await options.withClient {
            try await $0.get(path, query: [("limit", "\(limit)"), ("cursor", cursor), ("status", status)])
        }
        if options.json { return Output.json(page) }
        Output.table(
            ["TASK", "STATUS", "PRIORITY", "TRIES", "OUTPUT"],
            (page["data"]?.arrayValue ?? []).map { task in
                let output = task["output_data"]?["text"]?.stringValue ?? task["error_message"]?.stringValue ?? ""
                return [
                    task["task_id"]?.stringValue ?? "", task["status"]?.stringValue ?? "", task["priority"]?.text ?? "",
                    task["attempt"]?.text ?? "", String(output.prefix(60).map { $0.isNewline ? " " : $0 }),
                ]
            })
    }
}

struct TaskShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show a task, its history and its calls to engines.")

    @OptionGroup var options: ClientOptions
    @Argument(help: "The task's id.") var id: String

    func run() async throws {
        let (task, history, results, family) = try await options.withClient { client in
            let task = try await client.get("/v1/tasks/\(id)")
            let family = task["children"]?.intValue ?? 0 > 0 ? try await ChildrenByStatus(of: id, client) : nil
            return (
                task, try await client.get("/v1/tasks/\(id)/history"), try await client.get("/v1/tasks/\(id)/results"), family
            )
        }
        if options.json {
            var object = task.objectValue ?? JSONObject()
            object["history"] = history["data"]
            object["results"] = results["data"]
            if let family { object["children_by_status"] = family.json }
            return Output.json(.object(object))
        }
        for member in task.objectValue?.members ?? [] where !member.value.isNull {
            Output.line("\(member.key): \(member.value.stringValue ?? member.value.text)")
        }
        if let family { Output.line("children_by_status: \(family.text)") }
        Output.line("")
        Output.table(
            ["CHANGED AT", "FROM", "TO", "BY", "REASON"],
            (history["data"]?.arrayValue ?? []).map { entry in
                ["changed_at", "status_from", "status_to", "changed_by", "reason"].map { entry[$0]?.stringValue ?? "" }
            })
        Output.line("")
        Output.table(
            ["RESULT", "ENGINE", "STATUS", "MS", "TOKENS"],
            (results["data"]?.arrayValue ?? []).map { result in
                [
                    result["result_id"]?.stringValue ?? "", result["engine_type"]?.stringValue ?? "", result["status"]?.stringValue ?? "",
                    result["processing_time"]?.intValue.map { "\($0)" } ?? "",
                    result["token_usage"]?["total_tokens"]?.intValue.map { "\($0)" } ?? "",
                ]
            })
    }
}
