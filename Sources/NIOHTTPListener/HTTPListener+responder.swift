public import Hummingbird
public import HummingbirdCore
public import Logging
public import NIOCore
public import NIOHTTP1

extension HTTPListener.Settings {
    /// Connections whose requests `responder` answers; each answer bears the time. What it throws is a 500, save that a request which cannot be
    /// parsed is a 400 and ends its connection.
    ///
    /// Inlinable, so that each module compiles it for its own responder.
    @inlinable public init<Responder: HTTPResponder>(
        _ responder: Responder, maxConnections: Int, bounds: ConnectionBounds = ConnectionBounds(), logger: Logger
    ) where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        let date = ResponseDate()
        let http = HTTP1Channel(
            responder: { request, writer, channel in
                let context = Responder.Context(source: ApplicationRequestContextSource(channel: channel, logger: logger))
                var response: Response
                do {
                    response = try await responder.respond(to: request, context: context)
                } catch let error as HTTPParserError {
                    throw error
                } catch {
                    logger.error("request failed", metadata: ["error": "\(error)"])
                    response = Response(status: .internalServerError)
                }
                response.headers[.date] = date.text
                do {
                    try await writer.write(response: response.head, body: response.body)
                } catch is HTTPParserError {
                    throw BrokenRequest()
                }
            }, configuration: bounds.channel)
        self.init(http: http, maxConnections: maxConnections)
    }
}

/// A body that cannot be parsed, behind a head of ours: there is no other answer to it any more.
@usableFromInline struct BrokenRequest: Error {
    @usableFromInline init() {}
}
