import Domain

/// Tasks of an upload that one statement of the database takes.
struct UploadBatch: Sendable {
    /// Tasks, those inside others included.
    private static let sizeLimit = 500
    /// Bytes of their lines.
    private static let byteLimit = 1 << 20

    private(set) var tasks: [NewTask] = []
    private var size = 0
    private var bytes = 0

    mutating func add(_ task: NewTask, bytes count: Int) {
        tasks.append(task)
        size += task.familySize
        bytes += count
    }

    var isFull: Bool { size >= Self.sizeLimit || bytes >= Self.byteLimit }
}
