import Domain

/// Tasks of an upload that one statement of the database takes.
struct UploadBatch: Sendable {
    /// Tasks, those inside others included.
    static let sizeLimit = 500
    /// Bytes of memory, about.
    static let memoryLimit = 4 << 20

    private(set) var tasks: [NewTask] = []
    private var size = 0
    private var memory = 0

    /// `memory` is what the task takes.
    mutating func add(_ task: NewTask, memory added: Int) {
        tasks.append(task)
        size += task.familySize
        memory += added
    }

    /// It has as much as it may, or more by its last task.
    var isFull: Bool { size >= Self.sizeLimit || memory >= Self.memoryLimit }
}
