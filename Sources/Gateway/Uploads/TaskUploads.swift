import CoreMetrics
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Postgres
import Store

/// Takes tasks as lines of JSON (`application/x-ndjson`): a body of any length in constant memory, all of it or nothing.
///
/// Lines are checked as they come, and kept; the database is asked when the body is whole and right. So a slow sender holds no transaction,
/// whose locks would hold up whoever pauses the project, and one that breaks off leaves nothing.
struct TaskUploads: Sendable {
    let store: Store
    let engines: EngineDirectory
    let limits: UploadLimits
    let slots: UploadSlots
    let onWaiting: @Sendable () -> Void
    private let accepted = Counter(label: "chorus_tasks_accepted_total")

    init(store: Store, engines: EngineDirectory, limits: UploadLimits, onWaiting: @escaping @Sendable () -> Void) {
        self.store = store
        self.engines = engines
        self.limits = limits
        slots = UploadSlots(limits.atOnce)
        self.onWaiting = onWaiting
    }

    static func isUpload(_ headers: HTTPFields) -> Bool { BodyReader.mediaType(headers.value(of: .contentType)) == "application/x-ndjson" }

    func accept(
        _ request: Request, _ context: GatewayContext, projectID: UUID, userID: UUID, _ project: ProjectView,
        under key: IdempotencyKey? = nil
    ) async throws -> Response {
        try await slots.withSlot {
            let first: RememberedAnswer? = if let key { try await store.remembered(key) } else { nil }
            var receiver = UploadReceiver(request, context, engines: engines, projectEngines: project.engines, limits: limits)
            receiver.digest = key.map { _ in RequestDigest(request) }
            if let first {
                // It was accepted once: only whether it is the same has still to be seen.
                try await receiver.digestOnly()
                return Response(repeating: try first.matching(receiver.digest?.finish() ?? []))
            }
            let (checked, tasks) = try await receiver.receive()
            let repeatable = key.flatMap { key in receiver.digest.map { IdempotentRequest(key: key, digest: $0.finish()) } }
            let upload = Upload(
                projectID: projectID, userID: userID, parentIDs: Array(checked.parentIDs), idempotency: repeatable)
            switch try await accept(upload, tasks, within: RequestTrace.current) {
            case .repeated(let first): return Response(repeating: first)
            case .made(let acceptance):
                accepted.increment(by: acceptance.taskCount)
                onWaiting()
                return Response(acceptance)
            }
        }
    }

    /// Any error but doubt means that nothing was stored.
    private func accept(
        _ upload: Upload, _ tasks: ReceivedTasks, within trace: String?
    ) async throws -> Creation<UploadAcceptance> {
        do {
            return try await store.accept(upload, answering: { FirstAnswer(body: $0.text) }) { take in
                try tasks.forEachBatch(limits) { try take($0.within(trace)) }
            }
        } catch let problem as Problem {
            throw problem.namingLines
        } catch let error as PostgresError where error.leavesOutcomeOpen {
            throw AcceptanceInDoubt(cause: error)
        }
    }
}

extension UploadAcceptance {
    /// 100,000 ids are 4 MB: written as they are, and not built of values first.
    fileprivate var text: String {
        var text = "{\"accepted\":\(taskCount),\"task_ids\":["
        text.reserveCapacity(40 + 39 * taskIDs.count)
        for (index, id) in taskIDs.enumerated() { text += "\(index == 0 ? "" : ",")\"\(id.text)\"" }
        return text + "]}"
    }
}

extension Response {
    fileprivate init(_ acceptance: UploadAcceptance) {
        self.init(
            status: .created, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: acceptance.text)))
    }
}
