import CRabbitMQ
import Glibc

/// The owner of one librabbitmq connection: opens it, reads its frames without waiting, and frees it.
///
/// Every call belongs on the thread of the executor that owns the connection: librabbitmq locks nothing.
struct ConnectionHandle: ~Copyable {
    let state: amqp_connection_state_t
    let pool = MemoryPool()

    init() throws(AMQPError) {
        guard let state = amqp_new_connection() else { throw AMQPError(.connectionFailed, "no memory for a connection") }
        self.state = state
    }

    deinit {
        cut()
        amqp_destroy_connection(state)
    }

    /// The socket; -1 once librabbitmq has closed it.
    var descriptor: Int32 { amqp_get_sockfd(state) }

    /// Seconds, as negotiated; 0 when the broker wants none.
    var heartbeat: Int { Int(amqp_get_heartbeat(state)) }

    /// Whether frames were read already and wait in memory, where `poll(2)` does not see them.
    var hasBufferedFrames: Bool { amqp_frames_enqueued(state) != 0 || amqp_data_in_buffer(state) != 0 }

    /// Whether the socket takes bytes now. Asked before each message, so that a broker that stops reading does not block the thread.
    var isWritable: Bool {
        var target = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&target, 1, 0) == 1
    }

    /// Whether the kernel gathers what is written into full packets (`TCP_CORK`, tcp(7)), or sends what it has at once. librabbitmq
    /// writes each message by itself: without this a batch wakes the broker once a message.
    borrowing func gatherWrites(_ gathers: Bool) {
        var value: Int32 = gathers ? 1 : 0
        // A socket that refuses is only slower.
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The next frame, nil if none has arrived whole. Heartbeats are answered, and sent when due.
    borrowing func nextFrame() throws(AMQPError) -> Frame? {
        while true {
            var frame = amqp_frame_t()
            var none = timeval()
            let code = amqp_simple_wait_frame_noblock(state, &frame, &none)
            if code == AMQP_STATUS_TIMEOUT.rawValue { return nil }
            try check(code, "reading")
            // The frame lives in the connection's pools: it is copied before they are emptied.
            let copy = Frame(frame)
            amqp_maybe_release_buffers(state)
            if let copy { return copy }
        }
    }

    /// Says goodbye and waits for the answer, at most `timeout`.
    borrowing func close(timeout: Duration) {
        var bound = timeval(timeout)
        amqp_set_rpc_timeout(state, &bound)
        _ = amqp_connection_close(state, AMQP_REPLY_SUCCESS)
    }

    /// Sends no more, and throws away what comes until the broker has ended the connection too, at most for `timeout`.
    ///
    /// A connection that is cut while bytes wait here is reset, and with that the broker may lose what was sent last (RFC 1122 §4.2.2.13).
    borrowing func endWriting(timeout: Duration) {
        guard descriptor >= 0 else { return }
        shutdown(descriptor, Int32(SHUT_WR))
        let deadline = ContinuousClock.now + timeout
        var waste = [UInt8](repeating: 0, count: 1 << 16)
        while deadline > .now {
            var target = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&target, 1, Int32((deadline - .now) / .milliseconds(1)) + 1) == 1 else { return }
            guard recv(descriptor, &waste, waste.count, Int32(MSG_DONTWAIT)) > 0 else { return }
        }
    }

    /// Cuts the TCP connection without a word. Freeing a TLS connection would otherwise wait for the peer's farewell without limit.
    borrowing func cut() {
        if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    /// Turns a status of librabbitmq into an error.
    borrowing func check(_ status: Int32, _ what: String, file: String = #fileID, line: UInt = #line) throws(AMQPError) {
        guard status < 0 else { return }
        let reason = String(cString: amqp_error_string2(status))
        let code: AMQPError.Code =
            switch status {
            case AMQP_STATUS_TABLE_TOO_BIG.rawValue, AMQP_STATUS_INVALID_PARAMETER.rawValue: .invalid
            case AMQP_STATUS_BAD_AMQP_DATA.rawValue, AMQP_STATUS_UNKNOWN_METHOD.rawValue, AMQP_STATUS_UNKNOWN_CLASS.rawValue:
                .protocolViolation
            default: .connectionLost
            }
        throw AMQPError(code, "\(what): \(reason)", file: file, line: line)
    }
}

extension timeval {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(clamping: max(0, seconds)), tv_usec: Int(max(0, attoseconds) / 1_000_000_000_000))
    }
}
