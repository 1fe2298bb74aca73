import ArgumentParser
import Domain
import Foundation
import Logging
import NIOURLSession
import ServiceLifecycle

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch the fleet: projects, lanes, engines, workers, rates and times.",
        discussion: """
            Takes an administrator's key (CHORUS_API_KEY). Keys: q quits, the arrows left and right choose what projects are ordered by, up \
            and down scroll them. While the gateway cannot be reached it goes on trying. With --once it prints one picture, for scripts with \
            --json what GET /v1/overview says. Colours are left out where NO_COLOR is set.
            """)

    @OptionGroup var options: ClientOptions
    @Flag(help: "Print one picture, and end.") var once = false
    @Option(help: "Time between two looks, 500ms to 60s.") var interval: Duration = .seconds(2)

    func validate() throws {
        guard (.milliseconds(500) ... .seconds(60)).contains(interval) else { throw ValidationError("--interval must be 500ms to 60s") }
        guard once || !options.json else { throw ValidationError("--json goes with --once") }
        guard once || TopTerminal.isThere else { throw ValidationError("standard output is no terminal: use --once") }
    }

    func run() async throws {
        try await options.withClient { client in
            if once { return printOnce(try await TopRun.overview(client), client) }
            try await TopRun(client: client, interval: interval).watch()
        }
    }

    private func printOnce(_ overview: JSONValue, _ client: APIClient) {
        if options.json { return Output.json(overview) }
        let width = TopTerminal.isThere ? TopTerminal.size.columns : 120
        let screen = TopScreen(address: "\(client.scheme)://\(client.authority)", columns: width, rows: nil)
        for line in screen.lines(TopSnapshot(overview), TopRates(), TopView(), notice: nil) {
            Output.line(line.rendered(colours: TopTerminal.hasColours))
        }
    }
}
