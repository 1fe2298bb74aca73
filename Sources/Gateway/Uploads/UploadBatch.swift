import Domain

/// Tasks of an upload that one statement of the database takes.
struct UploadBatch: Sendable {
    /// Tasks, those inside others included.
    static let sizeLimit = 500
    /// Bytes of memory, about.
    static let memoryLimit = 4 << 20

    private(set) var tasks: [NewTask] = []
    private(set) var size = 0
    private(set) var memory = 0

    mutating func add(_ task: NewTask) {
        tasks.append(task)
        size += task.familySize
        memory += task.footprint
    }

    /// It has as much as it may, or more by its last task.
    var isFull: Bool { size >= Self.sizeLimit || memory >= Self.memoryLimit }
}
