import AsyncHTTPClient
import NIOCore
import NIOSSL

extension HTTPClient.Configuration {
    /// The client's settings for a session: TLS 1.2 at least with certificates verified, no redirects of its own, no retries of its own.
    ///
    /// A connection that cannot be made fails its calls at once: when to try again is for the caller's backoff to say.
    init(_ configuration: NIOURLSessionConfiguration) {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let file = configuration.additionalTrustRootsFile {
            tls.additionalTrustRoots = [.file(file)]
        }
        self.init(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: Timeout(connect: TimeAmount(configuration.connectTimeout), read: nil), decompression: .disabled)
        httpVersion = .http1Only
        connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(1, configuration.maxConnectionsPerHost)
        connectionPool.idleTimeout = TimeAmount(configuration.idleConnectionTimeout)
        connectionPool.retryConnectionEstablishment = false
        // Nobody reads spans of these calls; making them costs as much as encoding a request.
        tracing.tracer = nil
        http1_1ConnectionDebugInitializer = { channel in
            ReadGathering.install(on: channel)
                .flatMap { WriteGathering.install(on: channel) }
        }
    }
}
