public import ArgumentParser
import Logging
import Operations

struct SimulateEngineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate-engine",
        abstract: "Run an engine that thinks nothing but speaks the wire formats of OpenAI, Anthropic, Gemini and Ollama.")

    @Option(help: "The port on 127.0.0.1; 0 chooses a free one.")
    var port: Int = 8000
    @Option(help: "How long an answer takes.")
    var latency: Duration = .milliseconds(200)
    @Option(help: "How much the latency varies, up or down.")
    var jitter: Duration = .zero
    @Option(help: "The share of calls that fail with 429, 500 or 529, 0 to 1.")
    var errorRate: Double = 0
    @Option(help: "Requests a minute before 429; no limit without.")
    var rateLimit: Int?
    @Option(help: "How fast a streamed answer comes.")
    var tokensPerSecond: Double?
    @Option(help: "How many characters of the last message an answer repeats.")
    var echo = 60
    @Option(help: "Makes jitter and errors the same in every run.")
    var seed: UInt64?
    @Option(help: "A file that gets a line when a call begins, and one when it ends.")
    var record: String?

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be 0 to 65535") }
        guard (0...1).contains(errorRate) else { throw ValidationError("--error-rate must be 0 to 1") }
        guard rateLimit ?? 1 > 0 else { throw ValidationError("--rate-limit must be at least 1") }
        guard tokensPerSecond ?? 1 > 0 else { throw ValidationError("--tokens-per-second must be more than 0") }
        guard (0...1_000_000).contains(echo) else { throw ValidationError("--echo must be 0 to 1000000") }
    }

    func run() async throws {
        var configuration = SimulatedEngineConfiguration()
        configuration.port = port
        configuration.latency = latency
        configuration.jitter = jitter
        configuration.errorRate = errorRate
        configuration.rateLimit = rateLimit
        configuration.tokensPerSecond = tokensPerSecond
        configuration.echoLimit = echo
        configuration.seed = seed
        configuration.recordPath = record
        let logger = Logger.standardError("chorus.engine", level: .notice)
        let engine = SimulatedEngine(configuration: configuration, logger: logger) { port in
            Output.line("ready http://127.0.0.1:\(port)/v1")
        }
        try await Servers.run([engine], logger)
    }
}

extension Duration: @retroactive ExpressibleByArgument {
    /// `250ms`, `30s`, `5m`, `2h`.
    public init?(argument: String) { self.init(text: argument) }
}
