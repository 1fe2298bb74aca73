import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging

/// What every request gets, in one step: an id, an answer to each error, the headers that all answers carry, a line in the log.
struct RequestEnvelope: RouterMiddleware {
    typealias Context = GatewayContext

    @concurrent func handle(
        _ request: Request, context: GatewayContext, next: @concurrent (Request, GatewayContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let id = RequestID.text(from: request.headers[.xRequestID])
        var context = context
        context.logger[metadataKey: LogKey.requestID] = .string(id)
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = answer(to: error, context.logger)
        }
        response.headers[.xRequestID] = id
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.cacheControl] = "no-store"
        context.logger.debug(
            "request",
            metadata: [
                LogKey.method: "\(request.method.rawValue)", LogKey.route: "\(context.endpointPath ?? "")",
                LogKey.status: "\(response.status.code)", LogKey.milliseconds: "\((ContinuousClock.now - start) / .milliseconds(1))",
            ])
        return response
    }

    private func answer(to error: any Error, _ logger: Logger) -> Response {
        let problem = Problem(answering: error)
        if problem.status >= 500 {
            logger.log(
                level: problem.status == 500 ? .error : .warning, "request failed", metadata: [LogKey.error: "\(error)"])
        }
        return Response(problem, closesConnection: error is UnreadBody)
    }
}

/// The keys of the gateway's log lines. None ever holds a key or a body.
enum LogKey {
    static let requestID = "request_id"
    static let method = "method"
    static let route = "route"
    static let status = "status"
    static let milliseconds = "ms"
    static let error = "error"
    static let check = "check"
}
