/// How long one call may take, in all and between two signs of life.
public struct NIOURLSessionTimeouts: Sendable, Hashable {
    /// From the last byte sent to the first byte of the answer's head. An engine that answers in one piece thinks all this time.
    public var firstByte: Duration
    /// Between two pieces of the answer. Time in which the reader holds the stream back does not count.
    public var idle: Duration
    /// The whole call, from the first look for a connection to the last byte.
    public var call: Duration

    public init(firstByte: Duration = .seconds(120), idle: Duration = .seconds(60), call: Duration = .seconds(300)) {
        self.firstByte = firstByte
        self.idle = idle
        self.call = call
    }
}
