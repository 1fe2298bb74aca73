import CLibPQ

/// Owns a `PGconn`: it is closed once, by `close()` or at the latest when its owner goes.
///
/// `PQfinish` on a non-blocking connection says good-bye to the server if the socket takes it, and never waits.
struct LibPQConnection: ~Copyable {
    /// Nil after `close()`.
    private(set) var pointer: OpaquePointer?

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit {
        if let pointer { PQfinish(pointer) }
    }

    mutating func close() {
        if let pointer { PQfinish(pointer) }
        pointer = nil
    }
}
