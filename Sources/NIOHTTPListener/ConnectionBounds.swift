public import HTTPTypes
public import HummingbirdCore
import NIOCore

/// What one connection may take: of time, of memory, of an address's share.
public struct ConnectionBounds: Sendable {
    /// From the first byte of a request to the end of its head.
    public var headTime: Duration
    /// From the end of the head whose fields are given to the end of the body.
    public var bodyTime: @Sendable (HTTPFields) -> Duration
    /// Between requests.
    public var idleTime: Duration
    /// How long a request may be on its way at the listener's end: so long a connection that waits for one is kept. Zero for callers who may
    /// lose one.
    public var linger: Duration
    /// Of a request's head, in bytes.
    public var headSize: Int
    /// Counts the connections by their addresses, and bounds them; nil where an address may have all.
    public var addresses: ConnectionsByAddress?

    /// Sane ones for a port that is not for strangers.
    public init(
        headTime: Duration = .seconds(20), idleTime: Duration = .seconds(75), linger: Duration = .zero, headSize: Int = 32 << 10,
        addresses: ConnectionsByAddress? = nil, bodyTime: @escaping @Sendable (HTTPFields) -> Duration = { _ in .seconds(60) }
    ) {
        self.headTime = headTime
        self.bodyTime = bodyTime
        self.idleTime = idleTime
        self.linger = linger
        self.headSize = headSize
        self.addresses = addresses
    }

    /// Connections that are watched (see ``ConnectionWatch``).
    @usableFromInline var channel: HTTP1Channel.Configuration {
        HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionWatch(self)], idleTimeout: TimeAmount(idleTime),
            httpDecoderConfiguration: .init(maxHeaderFieldSize: headSize, maxHeaderListSize: headSize))
    }
}
