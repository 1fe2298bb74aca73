import ArgumentParser

/// What every command with a configuration takes.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String?
}
