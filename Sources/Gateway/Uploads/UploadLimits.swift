import Domain

/// How large an upload may be, how long it may take, and how many there may be at once.
struct UploadLimits: Sendable {
    /// Bytes of the whole body.
    var bytes: Int
    /// Tasks, those inside others included.
    var tasks: Int
    /// From the request's head to the body's last byte. That it is quiet meanwhile is bounded by the server's idle timeout.
    var time: Duration
    /// Uploads at once; more are told to come again.
    var atOnce: Int
    /// Bytes of one line: as much as a body of JSON may have.
    var lineBytes: Int
    /// Tasks in one line: as many as an array may hold.
    var tasksPerLine: Int

    init(_ configuration: GatewayConfiguration) {
        bytes = configuration.uploadLimit
        tasks = configuration.uploadTasks
        time = configuration.uploadTimeout
        atOnce = configuration.uploadsAtOnce
        lineBytes = configuration.bodyLimit
        tasksPerLine = configuration.arrayLimit
    }
}
