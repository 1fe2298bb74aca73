import Hummingbird

/// What travels with a request through Hummingbird.
struct GatewayContext: RequestContext {
    var coreContext: CoreRequestContextStorage

    init(source: Source) { coreContext = CoreRequestContextStorage(source: source) }
}
