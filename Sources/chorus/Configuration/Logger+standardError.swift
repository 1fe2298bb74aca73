import Logging
import Operations

extension Logger {
    /// Lines on standard error, so that standard output holds answers only.
    static func standardError(_ label: String, level: Logger.Level, format: LogFormat = .automatic) -> Logger {
        var logger = Logger(label: label) { LineLogHandler(label: $0, format: format) }
        logger.logLevel = level
        return logger
    }
}
