import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging

/// What every request gets, in one step: an id, its caller's address and limits, an answer to each error, the headers that all answers carry,
/// a line in the log.
struct RequestEnvelope: RouterMiddleware {
    typealias Context = GatewayContext

    let limits: RequestLimits
    let proxies: TrustedProxies
    let crossOrigin: CrossOrigin
    /// Answers say that this host is to be asked with TLS only (RFC 6797).
    let isEncrypted: Bool
    let logLevel: Logger.Level
    let isTraced: Bool
    let metrics = GatewayMetrics()

    init(_ configuration: GatewayConfiguration) {
        limits = RequestLimits(requestsPerSecond: configuration.requestsPerSecond, refusalsPerMinute: configuration.refusalsPerMinute)
        proxies = configuration.trustedProxies
        crossOrigin = CrossOrigin(origins: configuration.corsOrigins)
        isEncrypted = configuration.tls != nil
        logLevel = configuration.logsRequests ? .info : .debug
        isTraced = configuration.tracesRequests
    }

    @concurrent func handle(
        _ request: Request, context: GatewayContext, next: @concurrent (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        guard RequestTrace.follows(request, isOn: isTraced) else { return try await answer(request, context, next) }
        return try await RequestTrace.follow(request, route: { context.endpointPath }) { try await answer(request, context, next) }
    }

    private func answer(
        _ request: Request, _ context: GatewayContext, _ next: @concurrent (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let id = RequestID.text(from: request.headers[.xRequestID])
        var context = context
        context.logger[metadataKey: LogKey.requestID] = .string(id)
        context.clientAddress =
            proxies.client(connection: context.clientAddress, forwardedFor: request.headers[.xForwardedFor])
        var response: Response
        do {
            try limits.admit(request, from: context.clientAddress)
            if let preflight = crossOrigin.preflight(request) {
                response = preflight
            } else {
                response = try await next(request, context)
            }
        } catch {
            response = answer(to: error, request.uri.path, context.logger)
        }
        if response.status == .unauthorized { limits.refused(context.clientAddress) }
        response.headers[.xRequestID] = id
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.cacheControl] = "no-store"
        if isEncrypted { response.headers[.strictTransportSecurity] = "max-age=31536000" }
        if !crossOrigin.origins.isEmpty { response.headers.append(contentsOf: crossOrigin.headers(for: request)) }
        let time = ContinuousClock.now - start
        metrics.answered(request.method, route: context.endpointPath, status: response.status.code, after: time)
        context.logger.log(
            level: logLevel, "request",
            metadata: [
                LogKey.method: "\(request.method.rawValue)", LogKey.route: "\(context.endpointPath ?? "")",
                LogKey.status: "\(response.status.code)", LogKey.client: "\(context.clientAddress)",
                LogKey.milliseconds: "\(time / .milliseconds(1))",
            ].merging(RequestSubject.logFields(request.uri.path)) { $1 })
        return response
    }

    private func answer(to error: any Error, _ path: String, _ logger: Logger) -> Response {
        let problem = Problem(answering: error)
        if problem.status >= 500 {
            logger.log(
                level: problem.status == 500 ? .error : .warning, "request failed",
                metadata: RequestSubject.logFields(path).merging([LogKey.error: "\(error)"]) { $1 })
        }
        return Response(problem, closesConnection: error is UnreadBody)
    }
}

/// The keys of the gateway's log lines. None ever holds a key or a body.
enum LogKey {
    static let requestID = "request_id"
    static let projectID = "project_id"
    static let taskID = "task_id"
    static let method = "method"
    static let route = "route"
    static let status = "status"
    static let client = "client"
    static let milliseconds = "ms"
    static let error = "error"
    static let check = "check"
}
