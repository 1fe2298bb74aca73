import Hummingbird
import NIOCore

/// What travels with a request through Hummingbird.
struct GatewayContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The caller's connection.
    let channel: any Channel
    /// Who asks, as text; behind a trusted proxy the one that the proxy names.
    var clientAddress: String

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
        clientAddress = source.channel.remoteAddress?.ipAddress ?? ""
    }
}
