import Operations

/// Something that did not come true in its time.
public struct NotEventually: Error, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}

/// Polls until `condition` is true, as tests never sleep.
/// - Throws: `NotEventually` with `what` when `limit` has passed; what the condition throws.
public func eventually(
    _ what: String = "the condition", within limit: Duration = .seconds(10), every interval: Duration = .milliseconds(20),
    file: String = #fileID, line: Int = #line, _ condition: () async throws -> Bool
) async throws {
    guard try await waitUntil(within: limit, every: interval, condition) else {
        throw NotEventually(description: "\(file):\(line): \(what) did not come true within \(limit)")
    }
}
