import Foundation
import Postgres
import Testing

/// What happens to connections when their process ends under them.
@Suite(.timeLimit(.minutes(2))) struct ProcessExitTests {
    /// Threads that connect, and threads that end, meet the clean-up of libraries at the exit of a process: it must leave them what they use.
    @Test(arguments: 1...5) func aProcessMayExitWhileItConnects(round: Int) async throws {
        let url = try await TestPostgres.url
        await #expect(processExitsWith: .success) { [url = url as String] in
            let configuration = try PostgresConfiguration(url: url)
            for _ in 0..<16 {
                Task.detached {
                    while true {
                        let connection = try await PostgresConnection.connect(configuration, logger: TestPostgres.logger)
                        await connection.close()
                    }
                }
            }
            try await Task.sleep(for: .milliseconds(500))
            exit(0)
        }
    }
}
