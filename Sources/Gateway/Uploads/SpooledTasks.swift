import Domain
import NIOCore

/// The tasks of an upload that was checked, read from its spool once more and handed on in batches, so that no more than one is in memory.
struct SpooledTasks: Sendable {
    /// Tasks of a batch: one statement of the database.
    private static let batchSize = 500

    let spool: UploadSpool
    let limits: UploadLimits
    /// As the check took them.
    let knownEngines: EngineNames

    /// - Throws: what `take` throws; `UploadSpool.Failure`.
    func forEachBatch(_ take: ([NewTask]) throws -> Void) throws {
        var cutter = LineCutter(limit: limits.lineBytes)
        var offset = 0
        var batch: [NewTask] = []
        var size = 0
        while true {
            let piece = try spool.piece(at: offset)
            offset += piece.readableBytes
            if piece.readableBytes == 0 { cutter.finish() } else { cutter.append(piece) }
            while let line = cutter.next() {
                guard let task = try UploadLine.task(line, sizeLimit: limits.tasksPerLine, knownEngines: knownEngines) else { continue }
                batch.append(task)
                size += task.familySize
                guard size >= Self.batchSize else { continue }
                try take(batch)
                batch.removeAll(keepingCapacity: true)
                size = 0
            }
            guard piece.readableBytes > 0 else { break }
        }
        if !batch.isEmpty { try take(batch) }
    }
}
