import ArgumentParser
import Domain

struct TaskWhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "why", abstract: "Say why a task is not running now.")

    @OptionGroup var options: ClientOptions
    @Argument(help: "The task's id.") var task: String

    func run() async throws {
        let answer = try await options.withClient { try await $0.get("/v1/tasks/\(task)/why") }
        if options.json { return Output.json(answer) }
        Output.line("\(answer["reason"]?.stringValue ?? "?"): \(answer["detail"]?.stringValue ?? "")")
        if let until = answer["until"]?.stringValue { Output.line("until \(until)") }
    }
}
