import Glibc

/// Two connected sockets, closed at the end.
struct SocketPair: ~Copyable {
    let here: Int32
    let there: Int32

    init() {
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        (here, there) = (ends[0], ends[1])
    }

    deinit {
        close(here)
        close(there)
    }

    borrowing func send(_ count: Int = 1) {
        let bytes = [UInt8](repeating: 7, count: count)
        _ = write(there, bytes, count)
    }
}
