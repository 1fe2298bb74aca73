import CLibPQ
import Logging

/// Writes the server's notices to the log at debug level.
///
/// libpq calls back with an unretained pointer: the owner of the connection keeps this object alive for as long.
final class LibPQNotices: Sendable {
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    func receive(from connection: OpaquePointer) {
        let receiver: PQnoticeReceiver = { context, result in
            guard let context, let result else { return }
            let text = PQresultErrorField(result, Int32(LibPQResult.Field.message.rawValue)) ?? PQresultErrorMessage(result)
            Unmanaged<LibPQNotices>.fromOpaque(context).takeUnretainedValue().logger.debug(
                "notice from the database", metadata: [PostgresLogKeys.message: "\(LibPQResult.trimmed(text))"])
        }
        _ = PQsetNoticeReceiver(connection, receiver, Unmanaged.passUnretained(self).toOpaque())
    }
}
