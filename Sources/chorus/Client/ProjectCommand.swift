import ArgumentParser
import Domain

struct ProjectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "project", abstract: "Projects.",
        subcommands: [
            Create.self, List.self, Show.self, ProjectPauseCommand.self, ProjectResumeCommand.self, ProjectCancelCommand.self,
            ProjectArchiveCommand.self,
        ])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a project.")

        @OptionGroup var options: ClientOptions
        @Option(help: "Unique among your projects.") var name: String
        @Option(help: "What it is for.") var description: String?
        @Option(help: "Its weight against other projects, 1 to 100.") var priority: Int?
        @Option(help: ArgumentHelp("An engine of its tasks, in order of preference; may be given several times.", valueName: "name"))
        var engine: [String] = []

        func run() async throws {
            var body: JSONObject = ["project_name": .string(name)]
            if let description { body["project_description"] = .string(description) }
            if let priority { body["priority"] = .number(JSONNumber(priority)) }
            if !engine.isEmpty { body["settings"] = ["engines": .array(engine.map { .string($0) })] }
            let project = try await options.withClient { try await $0.post("/v1/projects", .object(body)) }
            if options.json { Output.json(project) } else { Output.line(project["project_id"]?.stringValue ?? "") }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List your projects, newest first.")

        @OptionGroup var options: ClientOptions
        @Option(help: "At most this many, 1 to 500.") var limit = 50
        @Option(help: "Goes on where an earlier list ended.") var cursor: String?

        func run() async throws {
            let page = try await options.withClient {
                try await $0.get("/v1/projects", query: [("limit", "\(limit)"), ("cursor", cursor)])
            }
            if options.json { return Output.json(page) }
            Output.table(
                ["PROJECT", "NAME", "STATUS", "PRIORITY", "CREATED"],
                (page["data"]?.arrayValue ?? []).map { project in
                    ["project_id", "project_name", "status", "priority", "created_at"].map { project[$0].map(Self.cell) ?? "" }
                })
        }

        private static func cell(_ value: JSONValue) -> String { value.stringValue ?? value.text }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a project, and its tasks by status.")

        @OptionGroup var options: ClientOptions
        @Argument(help: "The project's id.") var id: String

        func run() async throws {
            let (project, stats) = try await options.withClient { client in
                (try await client.get("/v1/projects/\(id)"), try await client.get("/v1/projects/\(id)/stats"))
            }
            if options.json {
                var object = project.objectValue ?? JSONObject()
                object["stats"] = stats
                return Output.json(.object(object))
            }
            for member in project.objectValue?.members ?? [] where !member.value.isNull {
                Output.line("\(member.key): \(member.value.stringValue ?? member.value.text)")
            }
            Output.line("stats: \(stats.text)")
        }
    }
}
