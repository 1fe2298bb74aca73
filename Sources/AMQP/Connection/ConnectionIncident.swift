/// What a connection's keeper has to deal with.
enum ConnectionIncident: Sendable {
    /// The connection is gone: connect again.
    case lost(AMQPError)
    /// The connection stands, but a channel was closed or a consumer cancelled: set up again what is missing.
    case damaged(AMQPError)
}
