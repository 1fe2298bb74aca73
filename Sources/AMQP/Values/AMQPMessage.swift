/// A message as it is published, or as it was delivered.
///
/// Texts other than the body are AMQP short strings: at most 255 bytes of UTF-8. Publishing a longer one throws `.invalid`.
public struct AMQPMessage: Sendable, Hashable {
    /// Empty for the default exchange, which routes to the queue named by `routingKey`.
    public var exchange: String
    public var routingKey: String
    public var body: [UInt8]
    public var contentType: String?
    public var contentEncoding: String?
    public var messageID: String?
    public var correlationID: String?
    /// The queue an answer is expected in.
    public var replyTo: String?
    public var type: String?
    public var appID: String?
    public var headers: [String: AMQPFieldValue]
    /// Seconds since 1970-01-01 UTC.
    public var timestamp: UInt64?
    /// Whether the broker writes the message to disk (delivery mode 2).
    public var isPersistent: Bool
    /// Whether the broker returns the message when no queue takes it, instead of dropping it in silence. False on deliveries.
    public var isMandatory: Bool
    public var priority: UInt8?
    /// How long the message may wait in a queue: decimal milliseconds, as AMQP writes it.
    public var expiration: String?

    public init(
        exchange: String, routingKey: String, body: [UInt8], contentType: String? = nil, contentEncoding: String? = nil,
        messageID: String? = nil, correlationID: String? = nil, replyTo: String? = nil, type: String? = nil, appID: String? = nil,
        headers: [String: AMQPFieldValue] = [:], timestamp: UInt64? = nil, isPersistent: Bool = true, isMandatory: Bool = true,
        priority: UInt8? = nil, expiration: String? = nil
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.body = body
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.messageID = messageID
        self.correlationID = correlationID
        self.replyTo = replyTo
        self.type = type
        self.appID = appID
        self.headers = headers
        self.timestamp = timestamp
        self.isPersistent = isPersistent
        self.isMandatory = isMandatory
        self.priority = priority
        self.expiration = expiration
    }

    /// Throws `.invalid` for what AMQP cannot carry; publishing does so too.
    ///
    /// librabbitmq truncates the length of a short string but not its bytes: the broker would see a broken frame and close the
    /// connection, so it is refused here.
    public func validate(maxBodySize: Int) throws(AMQPError) {
        if body.count > maxBodySize { throw AMQPError(.invalid, "a body of \(body.count) bytes, at most \(maxBodySize) are allowed") }
        if exchange.utf8.count > 255 || routingKey.utf8.count > 255 {
            throw AMQPError(.invalid, "exchange and routing key hold at most 255 bytes each")
        }
        let texts = [contentType, contentEncoding, messageID, correlationID, replyTo, type, appID, expiration]
        if texts.contains(where: { ($0?.utf8.count ?? 0) > 255 }) {
            throw AMQPError(.invalid, "a property is longer than 255 bytes")
        }
        if !headers.isEmpty, let reason = AMQPFieldValue.table(headers).reasonNotToSend() {
            throw AMQPError(.invalid, "headers: \(reason)")
        }
    }

    /// Whether `returned`, as it came back from the broker, may be this message: equal but for what a broker adds or leaves out.
    func matches(returned: AMQPMessage) -> Bool {
        exchange == returned.exchange && routingKey == returned.routingKey && messageID == returned.messageID
            && correlationID == returned.correlationID && type == returned.type && body == returned.body && headers == returned.headers
    }
}
