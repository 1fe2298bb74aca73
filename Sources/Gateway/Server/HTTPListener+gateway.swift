import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPListener

extension HTTPListener.Address {
    init(_ configuration: GatewayConfiguration) {
        self = configuration.passedSocket.map { .socket($0) } ?? .host(configuration.host, port: configuration.port)
    }
}

extension HTTPListener.Settings {
    /// Connections that are watched (see ``ConnectionWatch``), and counted by their addresses.
    init(_ configuration: GatewayConfiguration, _ addresses: ConnectionsByAddress, _ api: CurrentAPI, logger: Logger) {
        let times = RequestTimes(configuration)
        self.init(
            api, maxConnections: configuration.maxConnections,
            channel: HTTP1Channel.Configuration(
                additionalChannelHandlers: [ConnectionWatch(limits: times, addresses: addresses)],
                idleTimeout: TimeAmount(configuration.idleTimeout),
                httpDecoderConfiguration: .init(maxHeaderFieldSize: configuration.headLimit, maxHeaderListSize: configuration.headLimit)),
            logger: logger)
    }
}
