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
/// Lines are checked as they come and put on disk; the database is asked when the body is whole and right. So a slow sender holds no
/// transaction, whose locks would hold up whoever pauses the project, and one that breaks off leaves nothing.
struct TaskUploads: Sendable {
    let store: Store
    let engines: EngineDirectory
    let limits: UploadLimits
    let slots: UploadSlots
    let onWaiting: @Sendable () -> Void

    init(store: Store, engines: EngineDirectory, limits: UploadLimits, onWaiting: @escaping @Sendable () -> Void) {
        self.store = store
        self.engines = engines
        self.limits = limits
        slots = UploadSlots(limits.atOnce)
        self.onWaiting = onWaiting
    }

    static func isUpload(_ request: Request) -> Bool {
        BodyReader.mediaType(request.headers[.contentType]) == "application/x-ndjson"
    }

    func accept(
        _ request: Request, _ context: GatewayContext, projectID: UUID, userID: UUID, _ project: ProjectView
    ) async throws -> Response {
        try await slots.withSlot {
            let spool = try UploadSpool()
            var receiver = UploadReceiver(request, context, engines: engines, projectEngines: project.engines, limits: limits)
            let checked = try await receiver.receive(into: spool)
            let upload = Upload(projectID: projectID, userID: userID, parentIDs: Array(checked.parentIDs))
            let tasks = SpooledTasks(spool: spool, limits: limits, knownEngines: receiver.knownEngines)
            let acceptance = try await accept(upload, tasks)
            onWaiting()
            return Response(acceptance)
        }
    }

    /// Any error but doubt means that nothing was stored.
    private func accept(_ upload: Upload, _ tasks: SpooledTasks) async throws -> UploadAcceptance {
        do {
            return try await store.accept(upload) { try tasks.forEachBatch($0) }
        } catch let problem as Problem {
            throw problem.namingLines
        } catch let error as PostgresError where error.leavesOutcomeOpen {
            throw AcceptanceInDoubt(cause: error)
        }
    }
}

extension Response {
    /// 100,000 ids are 4 MB: written as they are, and not built of values first.
    fileprivate init(_ acceptance: UploadAcceptance) {
        var body = ByteBufferAllocator().buffer(capacity: 40 + 39 * acceptance.taskIDs.count)
        body.writeString("{\"accepted\":\(acceptance.taskCount),\"task_ids\":[")
        for (index, id) in acceptance.taskIDs.enumerated() { body.writeString("\(index == 0 ? "" : ",")\"\(id.text)\"") }
        body.writeString("]}")
        self.init(status: .created, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: body))
    }
}
