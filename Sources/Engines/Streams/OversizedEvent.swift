/// A line of a stream, or the lines of one event, have more bytes than are kept.
struct OversizedEvent: Error, Sendable, Hashable {
    let limit: Int
}
