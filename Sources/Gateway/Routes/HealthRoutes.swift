import Domain
import Hummingbird
import HummingbirdCore
import Logging

/// `GET /healthz`: the process lives. `GET /readyz`: it can do its work. `GET /metrics`: what it counted. None asks for a key.
struct HealthRoutes: Sendable {
    let checks: [ReadinessCheck]
    let timeout: Duration
    /// What it counted, in Prometheus's text format; nil where that is answered on another port.
    let metrics: (@Sendable () async -> String)?

    func add(to routes: inout RouteTable) {
        routes.on(.get, "/healthz") { _, _ in Response(["status": "ok"]) }
        routes.on(.get, "/metrics") { _, _ in
            guard let metrics else { throw Problem.notFound("page: metrics have a port of their own") }
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: await metrics())))
        }
        routes.on(.get, "/readyz") { _, context in try await self.ready(context.logger) }
    }

    private func ready(_ logger: Logger) async throws -> Response {
        let failing = await failures(logger)
        let failed = failing.filter { !$0.isOptional }.map(\.name)
        guard failed.isEmpty else {
            var problem = Problem.unavailable("Not ready: \(failed.joined(separator: ", ")).")
            // Whoever asks needs no key, so the causes stand in the log only.
            problem.errors = failed.map { FieldError(pointer: $0, detail: "does not work at the moment") }
            throw problem
        }
        return Response([
            "status": "ready", "checks": .array(checks.map { .string($0.name) }),
            "warnings": .array(failing.map { .string("\($0.name) does not work at the moment") }),
        ])
    }

    /// The checks that fail, in their order.
    private func failures(_ logger: Logger) async -> [ReadinessCheck] {
        let failed = await withTaskGroup(of: String?.self) { group in
            for check in checks {
                group.addTask {
                    do {
                        try await check.run(within: timeout)
                        return nil
                    } catch {
                        logger.warning("not ready", metadata: [LogKey.check: "\(check.name)", LogKey.error: "\(error)"])
                        return check.name
                    }
                }
            }
            return await group.reduce(into: Set<String>()) { names, name in if let name { names.insert(name) } }
        }
        return checks.filter { failed.contains($0.name) }
    }
}
