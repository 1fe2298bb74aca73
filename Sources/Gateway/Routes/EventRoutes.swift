import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Store

/// Server-sent events (WHATWG HTML, "Server-sent events"): `GET /v1/projects/{id}/events` and `/v1/tasks/{id}/events`.
struct EventRoutes: Sendable {
    let hub: EventHub
    let access: Access

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/v1/projects/:project_id/events") { request, context in try await self.project(request, context) }
        routes.on(.get, "/v1/tasks/:task_id/events") { request, context in try await self.task(request, context) }
    }

    private func project(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        var query = QueryParameters(request)
        let names = query.cases("events", of: EventName.self).map(Set.init)
        let after = try Self.after(request, &query)
        try query.finish()
        try await access.requireProject(id, of: principal, to: .readTasks)
        let seat = try await seat(.project(id), of: id, for: principal, context)
        let stream = EventStream(
            hub: hub, seat: seat, names: names,
            check: recheck(request) { access, principal in try await access.requireProject(id, of: principal, to: .readTasks) })
        return Self.response(stream, from: after.map(EventStream.Start.after) ?? Self.now(seat))
    }

    private func task(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("task_id")
        var query = QueryParameters(request)
        let after = try Self.after(request, &query)
        try query.finish()
        let projectID = try await access.requireTask(id, of: principal, to: .readTasks)
        let seat = try await seat(.task(id), of: projectID, for: principal, context)
        var stream = EventStream(
            hub: hub, seat: seat,
            check: recheck(request) { access, principal in try await access.requireTask(id, of: principal, to: .readTasks) })
        let (position, mailbox) = seat.subscribe()
        guard let state = try await hub.store.currentState(ofTask: id, notBefore: after == nil ? position : 0) else {
            throw Problem.notFound("task")
        }
        guard let after else {
            stream.first = EventBatch([state])
            return Self.response(stream, from: .now(position: position, mailbox: mailbox))
        }
        // It has ended, and the reader knows: a browser that is told so does not come back.
        if case .task(let status) = state.name, status.isFinal, state.seq <= after { return Response(status: .noContent) }
        return Self.response(stream, from: .after(after))
    }

    private func seat(_ topic: EventTopic, of projectID: UUID, for principal: Principal, _ context: GatewayContext) async throws
        -> EventSeat
    {
        try await hub.seat(topic, of: projectID, for: principal.keyID ?? principal.userID, on: context.channel)
    }

    private static func now(_ seat: EventSeat) -> EventStream.Start {
        // Before the answer's head: whoever has that misses nothing of what they do then.
        let (position, mailbox) = seat.subscribe()
        return .now(position: position, mailbox: mailbox)
    }

    /// Who may still read: a key that was revoked, or a member who was removed, reads on for some seconds at most.
    private func recheck(
        _ request: Request, _ require: @escaping @Sendable (Access, Principal) async throws -> Void
    ) -> @Sendable () async throws -> Void {
        let bare = Request(head: request.head, body: RequestBody(buffer: ByteBuffer()))
        return { [access] in try await require(access, try await access.principal(bare)) }
    }

    /// The event behind which to go on: a browser's `Last-Event-ID`, else `after`, which that began with.
    private static func after(_ request: Request, _ query: inout QueryParameters) throws(Problem) -> Int64? {
        let after = query.integer("after", in: 0...Int.max)
        guard let last = request.headers[.lastEventID], !last.isEmpty else { return after.map(Int64.init) }
        guard let seq = Int64(last), seq >= 0 else {
            throw .badRequest(
                "The Last-Event-ID is not valid.",
                errors: [FieldError(pointer: "Last-Event-ID", detail: "must be the id of an event of this stream")])
        }
        return seq
    }

    private static func response(_ stream: EventStream, from start: EventStream.Start) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .accelBuffering: "no"],
            body: ResponseBody { writer in
                try await stream.write(from: start, to: &writer)
                try await writer.finish(nil)
            })
    }
}
