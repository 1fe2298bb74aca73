import Crypto

/// SHA-256 of what a request asks for, taken piece by piece: two requests are the same where method, path and body are.
public struct RequestDigest: Sendable {
    private var hash = SHA256()

    /// - Parameters:
    ///   - method: the method, or a message's routing key.
    ///   - path: without a query.
    public init(method: String, path: String) {
        // Neither can hold a line's end, so that the parts cannot run into each other.
        hash.update(data: Array("\(method)\n\(path)\n".utf8))
    }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    public func finish() -> [UInt8] { Array(hash.finalize()) }
}
