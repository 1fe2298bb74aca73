import Domain
import Foundation
import Logging
import NIOURLSession
import ServiceLifecycle
import UnixSignals

/// Watches until somebody presses q, or SIGINT, SIGTERM or a hangup comes; the terminal is as before then.
struct TopRun: Service {
    private enum Event: Sendable {
        case overview(JSONValue)
        /// It goes on trying.
        case failed(String)
        /// It will never be otherwise.
        case refused(APIError)
        case pressed([UInt8])
        case resized
    }

    /// A gateway that takes longer than this is as good as away.
    private static let timeouts = NIOURLSessionTimeouts(firstByte: .seconds(5), idle: .seconds(5), call: .seconds(10))

    let client: APIClient
    let interval: Duration

    static func overview(_ client: APIClient) async throws -> JSONValue { try await client.get("/v1/overview", timeouts: timeouts) }

    func watch() async throws {
        let logger = Logger(label: "chorus.top", factory: { _ in SwiftLogNoOpLogHandler() })
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: self, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigint, .sigterm, .sighup], logger: logger))
        try await group.run()
    }

    func run() async throws {
        // What is pressed faster than it is drawn, and more than that, is lost.
        let (events, sink) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(64))
        let terminal = TopTerminal()
        let keys = TopKeyReader()
        terminal.enter()
        keys.start { sink.yield(.pressed($0)) }
        defer {
            keys.stop()
            terminal.leave()
        }
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup { group in
                group.addTask { await look(sink) }
                group.addTask { for await _ in await UnixSignalsSequence(trapping: .sigwinch) { sink.yield(.resized) } }
                try await show(events, on: terminal)
                group.cancelAll()
            }
        } onGracefulShutdown: {
            sink.finish()
        }
    }

    private func look(_ sink: AsyncStream<Event>.Continuation) async {
        while !Task.isCancelled {
            do {
                sink.yield(.overview(try await Self.overview(client)))
            } catch let error as APIError where [401, 403, 404].contains(error.status) {
                sink.yield(.refused(error))
            } catch let error as APIError {
                sink.yield(.failed("\(error.status) from the gateway"))
            } catch {
                sink.yield(.failed("the gateway cannot be reached"))
            }
            try? await Task.sleep(for: interval)
        }
    }

    private func show(_ events: AsyncStream<Event>, on terminal: TopTerminal) async throws {
        let colours = TopTerminal.hasColours
        var snapshot: TopSnapshot?
        var rates = TopRates()
        var view = TopView()
        var decoder = TopKeyDecoder()
        var notice: String?
        func screen() -> TopScreen {
            let size = TopTerminal.size
            return TopScreen(address: "\(client.scheme)://\(client.authority)", columns: size.columns, rows: size.rows)
        }
        terminal.draw(screen().lines(nil, rates, view, notice: nil), colours: colours)
        for await event in events {
            switch event {
            case .overview(let json):
                let new = TopSnapshot(json)
                rates.add(new)
                snapshot = new
                notice = nil
            case .failed(let why):
                notice = "\(why): trying again every \(TopFigure.duration(milliseconds: Int(interval / .milliseconds(1))))"
            case .refused(let error): throw error
            case .resized: break
            case .pressed(let bytes):
                for key in decoder.decode(bytes) {
                    guard view.press(key, projects: snapshot?.projects.count ?? 0, page: screen().page(snapshot)) else { return }
                }
            }
            terminal.draw(screen().lines(snapshot, rates, view, notice: notice), colours: colours)
        }
    }
}
