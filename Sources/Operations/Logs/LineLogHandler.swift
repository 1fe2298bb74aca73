import FoundationEssentials
import Glibc
public import Logging

/// Writes each event as one line on standard error, so that standard output holds answers only.
public struct LineLogHandler: LogHandler {
    public var logLevel = Logger.Level.info
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: LogFormat

    public init(label: String, format: LogFormat) {
        self.label = label
        self.format = format
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var values = metadata
        if let provided = metadataProvider?.get() { values.merge(provided) { $1 } }
        if let own = event.metadata { values.merge(own) { $1 } }
        if let error = event.error, values["error"] == nil { values["error"] = "\(error)" }
        let line = LogLine(time: Date(), level: event.level, logger: label, message: event.message.description, metadata: values)
        var bytes = Array(line.rendered(format).utf8)
        bytes.append(UInt8(ascii: "\n"))
        // One call a line, so that lines of several threads stay whole. A log that nobody reads must not stop the work.
        bytes.withUnsafeBytes { buffer in _ = write(2, buffer.baseAddress, buffer.count) }
    }
}
