import ArgumentParser
import Domain

/// What the commands that move tasks have in common.
struct TaskMoveArguments: ParsableArguments {
    @OptionGroup var options: ClientOptions
    @Argument(help: "The tasks' ids.") var ids: [String]
    @Option(help: "Why; the task's history keeps it.") var reason: String?

    func run(_ action: TaskAction) async throws {
        try await options.move(ids, under: "/v1/tasks", action.rawValue, reason: reason)
    }
}

struct TaskCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel tasks that have not ended; a running call is stopped.")
    @OptionGroup var arguments: TaskMoveArguments
    func run() async throws { try await arguments.run(.cancel) }
}

struct TaskPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pause", abstract: "Hold back tasks that wait.")
    @OptionGroup var arguments: TaskMoveArguments
    func run() async throws { try await arguments.run(.pause) }
}

struct TaskResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Let paused tasks run.")
    @OptionGroup var arguments: TaskMoveArguments
    func run() async throws { try await arguments.run(.resume) }
}

struct TaskRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Run failed or cancelled tasks once more, with all their retries.")
    @OptionGroup var arguments: TaskMoveArguments
    func run() async throws { try await arguments.run(.retry) }
}
