import Domain

/// A task's children, counted by status.
struct ChildrenByStatus {
    private var counts: [TaskStatus: Int] = [:]

    /// Reads the children page by page: there are at most `FamilyLimits.children`.
    init(of id: String, _ client: APIClient) async throws {
        var cursor: String?
        repeat {
            let page = try await client.get("/v1/tasks/\(id)/children", query: [("limit", "500"), ("cursor", cursor)])
            for child in page["data"]?.arrayValue ?? [] {
                if let status = child["status"]?.stringValue.flatMap(TaskStatus.init) { counts[status, default: 0] += 1 }
            }
            cursor = page["next_cursor"]?.stringValue
        } while cursor != nil
    }

    /// Such as `completed 3, failed 1`.
    var text: String {
        TaskStatus.allCases.compactMap { status in counts[status].map { "\(status.rawValue) \($0)" } }.joined(separator: ", ")
    }

    var json: JSONValue {
        .object(counts.reduce(into: JSONObject()) { object, count in object[count.key.rawValue] = .number(JSONNumber(count.value)) })
    }
}
