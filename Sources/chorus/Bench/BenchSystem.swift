import Domain
import Foundation
import Histogram

/// The system that is measured, as a client sees it.
struct BenchSystem {
    /// A system that has not done its tasks by then will not.
    private static let patience = Duration.seconds(600)

    let client: APIClient

    /// A new project, whose name nobody else has.
    func makeProject() async throws -> String {
        try await project(named: "bench \(UUID.v7().text)")
    }

    /// The id of the project with that name, which is made where there is none.
    func project(named name: String) async throws -> String {
        do {
            let made = try await client.post("/v1/projects", ["project_name": .string(name)])
            return made["project_id"]?.stringValue ?? ""
        } catch let error as APIError where error.status == 409 {
            var cursor: String?
            repeat {
                let page = try await client.get("/v1/projects", query: [("limit", "500"), ("cursor", cursor)])
                let known = (page["data"]?.arrayValue ?? []).first { $0["project_name"]?.stringValue == name }
                if let id = known?["project_id"]?.stringValue { return id }
                cursor = page["next_cursor"]?.stringValue
            } while cursor != nil
            throw error
        }
    }

    func enqueue(_ plan: LoadPlan, into projectID: String) async throws -> LoadReport {
        guard client.scheme == "http", let address = URLComponents(string: "http://\(client.authority)"), let host = address.host else {
            throw ConfigurationFault(place: "CHORUS_URL", message: "a bench needs the gateway by plain HTTP, such as http://127.0.0.1:8080")
        }
        return try await LoadRun.run(
            plan, against: LoadTarget(host: host, port: address.port ?? 80, key: client.key, projectID: projectID))
    }

    /// Waits until every task of the project has ended, and gives what became of them.
    func waitUntilEnded(_ projectID: String) async throws -> ProjectProgress {
        let end = ContinuousClock.now + Self.patience
        while true {
            let stats = try await client.get("/v1/projects/\(projectID)/stats")
            let progress = ProjectProgress(name: "", id: projectID, stats: stats)
            if progress.waiting == 0 { return progress }
            guard ContinuousClock.now < end else {
                throw LoadFailure(description: "tasks still wait after \(Self.patience): \(progress.summary). Does a worker run?")
            }
            // A question a quarter of a second costs the system nothing.
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    /// From accepted to completed for each completed task, and from the first accepted to the last completed.
    func times(of projectID: String) async throws -> BenchTimes {
        var times = BenchTimes()
        var cursor: String?
        repeat {
            let page = try await client.get(
                "/v1/projects/\(projectID)/tasks", query: [("limit", "500"), ("status", "completed"), ("cursor", cursor)])
            for task in page["data"]?.arrayValue ?? [] {
                if let start = task["created_at"]?.stringValue.flatMap(RFC3339.date),
                    let end = task["completed_at"]?.stringValue.flatMap(RFC3339.date)
                {
                    times.add(start, end)
                }
            }
            cursor = page["next_cursor"]?.stringValue
        } while cursor != nil
        return times
    }
}

/// When the tasks of a project began and ended, by the database's clock.
struct BenchTimes {
    /// Microseconds, up to an hour.
    private(set) var taskTimes = Histogram<UInt32>(highestTrackableValue: 3_600_000_000)
    private var first = Date.distantFuture
    private var last = Date.distantPast

    mutating func add(_ start: Date, _ end: Date) {
        taskTimes.record(UInt64(min(max(0, end.timeIntervalSince(start) * 1e6), 3_600_000_000)))
        first = min(first, start)
        last = max(last, end)
    }

    var count: Int { Int(clamping: taskTimes.totalCount) }
    /// Seconds from the first accepted to the last completed.
    var span: Double { count > 0 ? last.timeIntervalSince(first) : 0 }
}

extension Histogram {
    /// Milliseconds below which that share of the values lies.
    func milliseconds(atPercentile percentile: Double) -> Double {
        totalCount > 0 ? Double(valueAtPercentile(percentile)) / 1_000 : 0
    }
}
