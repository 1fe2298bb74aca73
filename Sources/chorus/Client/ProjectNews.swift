import Foundation

/// Says when something has happened in one of several projects, by their streams of events: while nothing does, nobody is asked.
struct ProjectNews {
    /// A look without news, should a stream be silent that is none any more.
    private static let longest = Duration.seconds(15)

    private let projects: [String]
    private let client: APIClient

    init(_ projects: [String], _ client: APIClient) {
        self.projects = projects
        self.client = client
    }

    /// Runs `body` with what waits for news. Where there are too many streams already, that waits for a second.
    func follow<Value: Sendable>(_ body: (_ next: () async throws -> Void) async throws -> Value) async throws -> Value {
        // One piece of news is as good as many.
        let (news, sink) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        return try await withThrowingTaskGroup { group in
            for project in projects { group.addTask { await listen(to: project, sink) } }
            group.addTask { try await tick(sink) }
            let value = try await body { for await _ in news { break } }
            group.cancelAll()
            return value
        }
    }

    private func listen(to project: String, _ sink: AsyncStream<Void>.Continuation) async {
        while !Task.isCancelled {
            try? await EventFeed(client: client, path: "/v1/projects/\(project)/events").follow(opened: { sink.yield() }) { _ in
                sink.yield()
                return true
            }
            // Refused, or away for long: whoever waits asks, and hears why.
            sink.yield()
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func tick(_ sink: AsyncStream<Void>.Continuation) async throws {
        while true {
            try await Task.sleep(for: Self.longest)
            sink.yield()
        }
    }
}
