import ArgumentParser
import Domain
import Foundation

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure a running system: how fast it accepts and works, how long a task takes, who waits for whom.",
        discussion: """
            Each figure makes projects of its own, whose names begin with 'bench', and leaves them. The tasks go to the fleet's default \
            engine: measure with 'chorus simulate-engine', or pay for the calls. The gateway must be reachable by plain HTTP.

            The figures mean little while anything else uses the processors.
            """,
        subcommands: [Throughput.self, Latency.self, Acceptance.self, Noisy.self, Memory.self, Enqueue.self])
}

/// A figure as people and as programs read it.
struct BenchFigure {
    var name: String
    var value: Double
    var unit: String

    init(_ name: String, _ value: Double, _ unit: String) {
        self.name = name
        self.value = value
        self.unit = unit
    }

    static func show(_ figures: [BenchFigure], json: Bool) {
        if json {
            var object = JSONObject()
            for figure in figures { object[figure.name] = JSONNumber(figure.rounded).map(JSONValue.number) ?? .null }
            Output.json(.object(object))
        } else {
            Output.table(["FIGURE", "VALUE", "UNIT"], figures.map { [$0.name, "\($0.rounded)", $0.unit] })
        }
    }

    /// Four digits tell all that a measurement knows.
    private var rounded: Double {
        guard value.isFinite, value != 0 else { return value }
        let scale = pow(10, 3 - floor(log10(abs(value))))
        return (value * scale).rounded() / scale
    }
}
