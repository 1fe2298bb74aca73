import Logging
import NIOHTTPListener

extension HTTPListener.Address {
    init(_ configuration: GatewayConfiguration) {
        self = configuration.passedSocket.map { .socket($0) } ?? .host(configuration.host, port: configuration.port)
    }
}

extension HTTPListener.Settings {
    init(_ configuration: GatewayConfiguration, _ addresses: ConnectionsByAddress, _ api: CurrentAPI, logger: Logger) {
        let body = configuration.bodyTimeout
        // The upload's own limit comes first, and can answer.
        let upload = configuration.uploadTimeout + .seconds(5)
        let bounds = ConnectionBounds(
            headTime: configuration.headTimeout, idleTime: configuration.idleTimeout, linger: .seconds(2),
            headSize: configuration.headLimit, addresses: addresses
        ) { TaskUploads.isUpload($0) ? upload : body }
        self.init(api, maxConnections: configuration.maxConnections, bounds: bounds, logger: logger)
    }
}
