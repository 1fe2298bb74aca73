import ArgumentParser
import Domain
import Foundation

struct TaskWatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow a task, or projects, until everything has ended.",
        discussion: "On a terminal the picture is drawn in place; elsewhere there is a line a second. Exits with 1 where a task failed.")

    @OptionGroup var options: ClientOptions
    @Option(help: "A project's id; may be given several times.") var project: [String] = []
    @Argument(help: "A task's id.") var task: String?

    func validate() throws {
        guard project.isEmpty != (task == nil) else { throw ValidationError("give a task's id, or --project") }
    }

    func run() async throws {
        let failed = try await options.withClient { client in
            if let task { return try await watchTask(task, client) }
            return try await watchProjects(client)
        }
        if failed { throw ExitCode(1) }
    }

    private func watchTask(_ id: String, _ client: APIClient) async throws -> Bool {
        var seen: String?
        while true {
            let task = try await client.get("/v1/tasks/\(id)")
            let status = task["status"]?.stringValue ?? ""
            if status != seen { Output.line(options.json ? task.text : "\(task["updated_at"]?.stringValue ?? "") \(status)") }
            seen = status
            if TaskStatus(rawValue: status)?.isFinal ?? true {
                if !options.json {
                    Output.line(task["output_data"]?["text"]?.stringValue ?? task["error_message"]?.stringValue ?? "")
                }
                return status != "completed"
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func watchProjects(_ client: APIClient) async throws -> Bool {
        var names: [String: String] = [:]
        for id in project { names[id] = try await client.get("/v1/projects/\(id)")["project_name"]?.stringValue }
        var display = ProgressDisplay(isTerminal: isatty(STDOUT_FILENO) == 1 && !options.json, isJSON: options.json)
        while true {
            var all: [ProjectProgress] = []
            for id in project {
                let stats = try await client.get("/v1/projects/\(id)/stats")
                all.append(ProjectProgress(name: names[id] ?? id, id: id, stats: stats))
            }
            let isOver = all.allSatisfy { $0.waiting == 0 }
            display.show(all, isLast: isOver)
            if isOver { return all.contains { $0.count(.failed) > 0 } }
            try await Task.sleep(for: display.isTerminal ? .milliseconds(200) : .seconds(1))
        }
    }
}
