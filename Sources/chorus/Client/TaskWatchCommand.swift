import ArgumentParser
import Domain
import Foundation

struct TaskWatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow a task, or projects, until everything has ended.",
        discussion: """
            On a terminal the picture of projects is drawn in place, and a task's answer is shown as its engine gives it; elsewhere there is a \
            line a change, and no more than one a second. Exits with 1 where a task failed.
            """)

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

    /// Its changes as the gateway tells them; on a terminal also what its engine says meanwhile.
    private func watchTask(_ id: String, _ client: APIClient) async throws -> Bool {
        let readsAlong = isatty(STDOUT_FILENO) == 1 && !options.json
        var hasSaid = false
        var status = ""
        try await EventFeed(client: client, path: "/v1/tasks/\(id)/events").follow { event in
            let data = (try? JSONValue(parsing: Array(event.data.utf8), limits: JSONLimits(depth: 512))) ?? .null
            if event.name == "task.delta" {
                guard readsAlong, let text = data["text"]?.stringValue else { return true }
                hasSaid = true
                Output.text(text)
                return true
            }
            status = data["status"]?.stringValue ?? ""
            if hasSaid { Output.line("") }
            Output.line(options.json ? data.text : "\(data["at"]?.stringValue ?? "") \(status)")
            guard TaskStatus(rawValue: status)?.isFinal ?? true else { return true }
            if !options.json, !(hasSaid && status == "completed") {
                Output.line(data["output_data"]?["text"]?.stringValue ?? data["reason"]?.stringValue ?? "")
            }
            return false
        }
        return status != "completed"
    }

    private func watchProjects(_ client: APIClient) async throws -> Bool {
        var names: [String: String] = [:]
        for id in project { names[id] = try await client.get("/v1/projects/\(id)")["project_name"]?.stringValue }
        var display = ProgressDisplay(isTerminal: isatty(STDOUT_FILENO) == 1 && !options.json, isJSON: options.json)
        let news = ProjectNews(project, client)
        return try await news.follow { next in
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
                try await next()
            }
        }
    }
}
