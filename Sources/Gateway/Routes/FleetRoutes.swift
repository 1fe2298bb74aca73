import Domain
import FoundationEssentials
import Hummingbird
import HummingbirdCore
import Store

/// `GET /v1/engines` and `GET /v1/workers`: what the fleet consists of, for everybody with a key; `GET /v1/overview`: what it does, for
/// administrators.
struct FleetRoutes: Sendable {
    let store: Store
    let access: Access

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/v1/engines") { request, _ in
            try await requireCaller(request)
            let engines = try await store.engines()
            let figures = try await store.engineFigures(of: engines.map(\.name), countsTasks: false)
            let gates = Dictionary(figures.map { ($0.engine, $0.gate(at: Date())) }, uniquingKeysWith: { first, _ in first })
            return Self.list(engines.map { Self.json($0, gate: gates[$0.name] ?? .null) })
        }
        routes.on(.get, "/v1/workers") { request, _ in
            try await requireCaller(request)
            return Self.list(try await store.workers().map(\.json))
        }
        routes.on(.get, "/v1/overview") { request, _ in
            try await access.principal(request).requireAdmin()
            var query = QueryParameters(request)
            try query.finish()
            return Response(try await store.overview().json)
        }
    }

    private func requireCaller(_ request: Request) async throws {
        _ = try await access.principal(request)
        var query = QueryParameters(request)
        try query.finish()
    }

    /// Both tables are short: one page holds all.
    private static func list(_ elements: [JSONValue]) -> Response {
        Response(["data": .array(elements), "next_cursor": .null])
    }

    /// What callers may see of a definition. Where its secret lies is the operator's affair.
    static func json(_ engine: EngineRow, gate: JSONValue) -> JSONValue {
        var object: JSONObject = ["name": .string(engine.name), "engine_type": .string(engine.type)]
        for key in ["base_url", "model", "limits", "price"] { object[key] = engine.definition[key] ?? .null }
        object["gate"] = gate
        return .object(object)
    }
}
