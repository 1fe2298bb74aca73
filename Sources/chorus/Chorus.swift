import ArgumentParser

/// The command: parses subcommands, reads the configuration, assembles services.
@main
struct Chorus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chorus",
        abstract: "Runs LLM work for many projects at once: accepted durably, queued fairly, called once, recorded.",
        discussion: """
            Servers read their configuration from a file (--config, else $CHORUS_CONFIG, else /etc/chorus/chorus.yaml) and from the \
            environment (CHORUS_DATABASE_URL, CHORUS_AMQP_URL, CHORUS_HTTP_PORT, …). Clients read CHORUS_URL and CHORUS_API_KEY.

            Try it: chorus dev
            """,
        version: Release.version,
        groupedSubcommands: [
            CommandGroup(
                name: "Servers",
                subcommands: [GatewayCommand.self, WorkerCommand.self, DevCommand.self, SimulateEngineCommand.self]),
            CommandGroup(
                name: "Administration",
                subcommands: [
                    MigrateCommand.self, AccountCommand.self, KeyCommand.self, EnginesCommand.self, VerifyCommand.self, BackupCommand.self,
                    PruneCommand.self, ConfigCommand.self,
                ]),
            CommandGroup(name: "Clients", subcommands: [ProjectCommand.self, TaskCommand.self, TopCommand.self, BenchCommand.self]),
        ])
}

/// What this build calls itself.
enum Release {
    static let version = "0.1.0"
}
