import CLibPQ
import SocketExecutor

/// What another session sent with NOTIFY.
public struct PostgresNotification: Sendable, Hashable {
    public let channel: String
    /// Empty where the sender gave none.
    public let payload: String
    /// The server process of the sending session.
    public let backendID: Int32
}

extension PostgresConnection {
    /// The notifications of the channels that this session LISTENs to, as they come: between statements the socket is watched, so that
    /// nothing has to be asked. The sequence ends with the connection; a later call ends the earlier call's sequence.
    ///
    /// A reader that falls more than `limit` behind loses the oldest. NOTIFY promises nothing to a session that was away either: whoever
    /// needs each one looks at the tables now and then.
    public func notifications(limit: Int = 1_024) throws(PostgresError) -> AsyncStream<PostgresNotification> {
        let pointer = try openPointer()
        notificationSink?.finish()
        let (stream, continuation) = AsyncStream.makeStream(of: PostgresNotification.self, bufferingPolicy: .bufferingNewest(limit))
        notificationSink = continuation
        executor.watch(PQsocket(pointer), for: .readable) { [weak self] _ in
            self?.assumeIsolated { $0.readNotifications() }
        }
        deliverNotifications(pointer)
        return stream
    }

    /// Hands over what libpq has read already: statements read notifications along with their results.
    func deliverNotifications(_ pointer: OpaquePointer) {
        while let notification = PQnotifies(pointer) {
            notificationSink?.yield(
                PostgresNotification(
                    channel: String(cString: notification.pointee.relname), payload: String(cString: notification.pointee.extra),
                    backendID: notification.pointee.be_pid))
            PQfreemem(notification)
        }
    }

    /// Ends the watch, and the sequence with it; before the socket is closed.
    func endNotifications() {
        guard let sink = notificationSink else { return }
        notificationSink = nil
        if let pointer = handle?.pointer { executor.unwatch(PQsocket(pointer)) }
        sink.finish()
    }

    private func readNotifications() {
        guard let pointer = handle?.pointer else { return }
        let isRead = PQconsumeInput(pointer) == 1
        deliverNotifications(pointer)
        // What is left of a dead connection would make the socket readable for ever.
        if !isRead || PQstatus(pointer) == CONNECTION_BAD { _ = lost(pointer) }
    }
}
