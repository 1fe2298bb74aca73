import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Store

/// What became of tasks: `GET /v1/projects/{id}/tasks` and `/v1/tasks/{id}`.
struct TaskRoutes: Sendable {
    let store: Store
    let access: Access
    /// The broker takes messages: without it nothing new runs.
    let takesBrokerMessages: @Sendable () -> Bool

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/v1/projects/:project_id/tasks") { request, context in try await self.list(request, context) }
        routes.on(.get, "/v1/tasks/:task_id") { request, context in
            let principal = try await access.principal(request)
            return Response(try await self.task(context, of: principal).json)
        }
        routes.on(.get, "/v1/tasks/:task_id/history") { request, context in
            let (task, page) = try await self.detail(request, context)
            return Response(try await store.history(taskID: task.id, limit: page.limit, after: page.cursor), \.json)
        }
        routes.on(.get, "/v1/tasks/:task_id/results") { request, context in
            let (task, page) = try await self.detail(request, context)
            return Response(try await store.results(taskID: task.id, limit: page.limit, after: page.cursor), \.json)
        }
        routes.on(.get, "/v1/tasks/:task_id/why") { request, context in
            let principal = try await access.principal(request)
            var query = QueryParameters(request)
            try query.finish()
            let id = try context.id("task_id")
            try await access.requireTask(id, of: principal, to: .readTasks)
            guard var situation = try await store.situation(of: id) else { throw Problem.notFound("task") }
            situation.takesBrokerMessages = takesBrokerMessages()
            return Response(situation.explanation.json)
        }
        routes.on(.get, "/v1/tasks/:task_id/children") { request, context in try await self.children(request, context) }
    }

    private func list(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let projectID = try context.id("project_id")
        var query = QueryParameters(request)
        let page = query.page()
        var filter = TaskFilter(reading: &query)
        filter.parentID = query.uuid("parent_task_id")
        try query.finish()
        try await access.requireProject(projectID, of: principal, to: .readTasks)
        let tasks = try await store.tasks(projectID: projectID, filter: filter, limit: page.limit, before: page.cursor)
        return Response(tasks, \.json)
    }

    private func children(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        var query = QueryParameters(request)
        let page = query.page()
        let filter = TaskFilter(reading: &query)
        try query.finish()
        let parent = try await task(context, of: principal)
        return Response(try await store.children(of: parent.id, filter: filter, limit: page.limit, after: page.cursor), \.json)
    }

    /// The task and the page of a list below it.
    private func detail(_ request: Request, _ context: GatewayContext) async throws -> (TaskRecord, PageRequest) {
        let principal = try await access.principal(request)
        let page = try PageRequest(request)
        return (try await task(context, of: principal), page)
    }

    private func task(_ context: GatewayContext, of principal: Principal) async throws -> TaskRecord {
        let id = try context.id("task_id")
        guard let task = try await store.task(id) else { throw Problem.notFound("task") }
        try await access.requireProject(task.projectID, of: principal, to: .readTasks, for: "task")
        return task
    }
}

extension TaskFilter {
    /// Reads `status`, `task_type`, `created_after` and `created_before`.
    init(reading query: inout QueryParameters) {
        self.init(
            statuses: query.cases("status"), type: query.oneCase("task_type", of: TaskType.self)?.rawValue,
            createdAfter: query.date("created_after"), createdBefore: query.date("created_before"))
    }
}
