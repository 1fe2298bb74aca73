import Hummingbird
import NIOCore

/// What travels with a request through Hummingbird.
struct GatewayContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The caller's connection.
    let channel: any Channel

    init(source: Source) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}
