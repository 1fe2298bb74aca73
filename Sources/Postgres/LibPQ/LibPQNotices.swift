import CLibPQ
import Logging
import Synchronization

/// Writes the server's notices to the log at debug level, and remembers the last one of a session.
///
/// libpq calls back with an unretained pointer: the owner of the connection keeps this object alive for as long.
final class LibPQNotices: Sendable {
    private let logger: Logger
    private let hasFarewell = Atomic(false)

    init(logger: Logger) { self.logger = logger }

    /// The server has ended the session, and said so outside of any statement.
    var sessionHasEnded: Bool { hasFarewell.load(ordering: .relaxed) }

    func receive(from connection: OpaquePointer) {
        let receiver: PQnoticeReceiver = { context, result in
            guard let context, let result else { return }
            Unmanaged<LibPQNotices>.fromOpaque(context).takeUnretainedValue().note(result)
        }
        _ = PQsetNoticeReceiver(connection, receiver, Unmanaged.passUnretained(self).toOpaque())
    }

    private func note(_ result: OpaquePointer) {
        func field(_ field: LibPQResult.Field) -> UnsafeMutablePointer<CChar>? { PQresultErrorField(result, Int32(field.rawValue)) }
        if let severity = field(.severity), ["FATAL", "PANIC"].contains(String(cString: severity)) {
            hasFarewell.store(true, ordering: .relaxed)
        }
        logger.debug(
            "notice from the database",
            metadata: [PostgresLogKeys.message: "\(LibPQResult.trimmed(field(.message) ?? PQresultErrorMessage(result)))"])
    }
}
