import ArgumentParser
import Domain

/// What the commands that move projects have in common.
struct ProjectMoveArguments: ParsableArguments {
    @OptionGroup var options: ClientOptions
    @Argument(help: "The project's id.") var id: String
    @Option(help: "Why; the project's log keeps it.") var reason: String?

    func run(_ action: ProjectAction) async throws {
        try await options.move([id], under: "/v1/projects", action.rawValue, reason: reason)
    }
}

struct ProjectPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Start no more of a project's tasks; what runs goes on.")
    @OptionGroup var arguments: ProjectMoveArguments
    func run() async throws { try await arguments.run(.pause) }
}

struct ProjectResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a project's tasks run, after a pause, a cancellation or the archive.")
    @OptionGroup var arguments: ProjectMoveArguments
    func run() async throws { try await arguments.run(.resume) }
}

struct ProjectCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel all of a project's tasks, and take no more.")
    @OptionGroup var arguments: ProjectMoveArguments
    func run() async throws { try await arguments.run(.cancel) }
}

struct ProjectArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Put away a project whose tasks have all ended.")
    @OptionGroup var arguments: ProjectMoveArguments
    func run() async throws { try await arguments.run(.archive) }
}
