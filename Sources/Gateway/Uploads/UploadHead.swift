import Domain

/// The first tasks of an upload, kept as they were read: one that is short needs no disk, and is read once.
struct UploadHead: Sendable {
    /// Tasks, those inside others included.
    private static let sizeLimit = 4_000
    /// Bytes of their lines.
    private static let byteLimit = 4 << 20

    private(set) var batches: [UploadBatch] = []
    private var size = 0
    private var bytes = 0

    mutating func add(_ task: NewTask, bytes count: Int) {
        if batches.last?.isFull ?? true { batches.append(UploadBatch()) }
        batches[batches.count - 1].add(task, bytes: count)
        size += task.familySize
        bytes += count
    }

    var isFull: Bool { size >= Self.sizeLimit || bytes >= Self.byteLimit }
}
