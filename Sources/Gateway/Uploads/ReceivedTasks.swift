import Domain
import NIOCore

/// The tasks of an upload that was checked, handed on in batches, so that no more of it is in memory than its head and one batch.
struct ReceivedTasks: Sendable {
    /// What did not fit into the head: bytes as they came, whose lines are read once more.
    struct Tail: Sendable {
        var spool: UploadSpool
        /// How many lines of the body come before it.
        var linesBefore: Int
    }

    /// Its tasks may name the engines that there were when their lines came.
    var head = UploadHead()
    var tail: Tail?
    /// The engines that those of the tail may name: as they were when the last line was checked.
    var knownEngines = EngineNames([])

    /// - Throws: what `take` throws; `UploadSpool.Failure`.
    func forEachBatch(_ limits: UploadLimits, _ take: ([NewTask]) throws -> Void) throws {
        for batch in head.batches { try take(batch.tasks.map { $0.identifiedAnew() }) }
        guard let tail else { return }
        var cutter = LineCutter(limit: limits.lineBytes, linesBefore: tail.linesBefore)
        var offset = 0
        var batch = UploadBatch()
        while true {
            let piece = try tail.spool.piece(at: offset)
            offset += piece.readableBytes
            if piece.readableBytes == 0 { cutter.finish() } else { cutter.append(piece) }
            while let line = cutter.next() {
                guard let task = try UploadLine.task(line, sizeLimit: limits.tasksPerLine, knownEngines: knownEngines) else { continue }
                batch.add(task)
                guard batch.isFull else { continue }
                try take(batch.tasks)
                batch = UploadBatch()
            }
            guard piece.readableBytes > 0 else { break }
        }
        if !batch.tasks.isEmpty { try take(batch.tasks) }
    }
}
