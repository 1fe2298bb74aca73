import Domain
import Hummingbird
import HummingbirdCore
import Store

/// `/v1/projects/{id}/webhooks`: what the settings say, with the secrets, and what became of each delivery.
struct WebhookRoutes: Sendable {
    let store: Store
    let access: Access
    let webhooks: Webhooks

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/v1/projects/:project_id/webhooks") { request, context in try await self.list(request, context) }
        routes.on(.get, "/v1/projects/:project_id/webhooks/deliveries") { request, context in
            try await self.deliveries(request, context)
        }
        routes.on(.post, "/v1/projects/:project_id/webhooks/deliveries/:delivery_id/redeliver") { request, context in
            try await self.redeliver(request, context)
        }
    }

    private func list(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        var query = QueryParameters(request)
        try query.finish()
        try await access.requireProject(id, of: principal, to: .manageWebhooks)
        guard let project = try await store.project(id) else { throw Problem.notFound("project") }
        let settings = WebhookSetting.list(stored: project.settings?["webhooks"])
        let elements = settings.map { setting -> JSONValue in
            [
                "url": .string(setting.url.text), "events": .array(setting.names.map(\.rawValue).sorted().map(JSONValue.string)),
                "secret_version": .number(JSONNumber(setting.secretVersion)),
                "secret": JSONValue(webhooks.signing?.secret(of: setting, projectID: id)),
            ]
        }
        return Response(["data": .array(elements), "next_cursor": .null])
    }

    private func deliveries(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        var query = QueryParameters(request)
        let page = query.page()
        let status = query.oneCase("status", of: WebhookDeliveryStatus.self)
        try query.finish()
        try await access.requireProject(id, of: principal, to: .manageWebhooks)
        return Response(try await store.deliveries(ofProject: id, status: status, limit: page.limit, before: page.cursor), \.json)
    }

    private func redeliver(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let principal = try await access.principal(request)
        let id = try context.id("project_id")
        let deliveryID = try context.id("delivery_id")
        try await access.requireProject(id, of: principal, to: .manageWebhooks)
        return Response(try await store.redeliver(deliveryID, ofProject: id).json)
    }
}
