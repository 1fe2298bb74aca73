import ArgumentParser
import Domain
import Foundation

/// Memory of one process, from `/proc/PID/smaps_rollup` (proc(5)).
struct ProcessMemory: Sendable, Hashable {
    /// MiB in memory.
    var resident: Double
    /// MiB in memory, where pages shared with other processes count by their share.
    var proportional: Double

    /// nil where the process is gone, or is another user's.
    init?(processID: Int) {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(processID)/smaps_rollup")) else { return nil }
        self.init(rollup: String(decoding: data, as: UTF8.self))
    }

    init?(rollup: String) {
        var values: [Substring: Double] = [:]
        for line in rollup.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 3, words[2] == "kB" { values[words[0]] = Double(words[1]) }
        }
        guard let resident = values["Rss:"], let proportional = values["Pss:"] else { return nil }
        self.resident = resident / 1_024
        self.proportional = proportional / 1_024
    }
}

extension BenchCommand {
    struct Memory: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The memory of processes on this machine.",
            discussion: "With 'chorus dev': chorus bench memory $CHORUS_GATEWAY_PID $CHORUS_WORKER_PIDS")

        @Argument(help: "Process ids.") var processIDs: [Int]
        @Flag(help: "Answer in JSON.") var json = false

        func run() async throws {
            var figures: [BenchFigure] = []
            for processID in processIDs {
                guard let memory = ProcessMemory(processID: processID) else {
                    throw ConfigurationFault(place: "\(processID)", message: "no process whose memory may be read")
                }
                figures.append(BenchFigure("\(processID)_rss", memory.resident, "MiB"))
                figures.append(BenchFigure("\(processID)_pss", memory.proportional, "MiB"))
            }
            BenchFigure.show(figures, json: json)
        }
    }
}
