import Domain

/// The first tasks of an upload, kept as they were read: one that is short needs no disk, and is read once.
struct UploadHead: Sendable {
    /// Tasks, those inside others included.
    static let sizeLimit = 4_000
    /// Bytes of memory, about: a sender that pauses keeps them for as long as an upload may take.
    static let memoryLimit = 16 << 20

    private(set) var batches: [UploadBatch] = []

    mutating func add(_ task: NewTask) {
        if batches.last?.isFull ?? true { batches.append(UploadBatch()) }
        batches[batches.count - 1].add(task)
    }

    /// It has as much as it may, or more by its last task.
    var isFull: Bool {
        batches.reduce(0) { $0 + $1.size } >= Self.sizeLimit || batches.reduce(0) { $0 + $1.memory } >= Self.memoryLimit
    }
}
