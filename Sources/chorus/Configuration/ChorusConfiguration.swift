import AMQP
import Domain
import Logging
import Operations
import Postgres
import Queues

/// What every server needs, read once, at the top.
struct ChorusConfiguration: Sendable {
    let source: ConfigurationSource
    let database: PostgresConfiguration
    let broker: AMQPConfiguration
    let partitioning: Partitioning
    let queueType: QueueType
    let logLevel: Logger.Level
    let logFormat: LogFormat

    /// - Parameter applicationName: how the process shows in the database's and the broker's lists of connections.
    init(path: String?, applicationName: String) throws {
        try self.init(ConfigurationSource(path: path), applicationName: applicationName)
    }

    init(_ source: ConfigurationSource, applicationName: String) throws {
        self.source = source
        database = try Self.database(source, applicationName)
        do {
            var broker = try AMQPConfiguration(url: try source.secret("amqp.url"))
            broker.connectionName = applicationName
            self.broker = broker
        } catch let error as AMQPError {
            throw ConfigurationFault(place: source["amqp.url"].place, message: "amqp.url: \(error)")
        }
        partitioning = Partitioning(count: try source.integer("queues.partitions"))
        queueType = QueueType(rawValue: try source.choice("amqp.queue_type")) ?? .classic
        logLevel = Logger.Level(rawValue: try source.choice("log.level")) ?? .info
        logFormat = LogFormat(try source.choice("log.format"))
    }

    var topology: AMQPTopology { .chorus(partitioning: partitioning, queueType: queueType) }

    /// The database alone, for commands that need no more.
    static func database(_ source: ConfigurationSource, _ applicationName: String) throws -> PostgresConfiguration {
        do {
            var database = try PostgresConfiguration(url: try source.secret("database.url"))
            database.applicationName = applicationName
            database.poolSize = try source.integer("database.pool_size")
            return database
        } catch let error as PostgresError {
            throw ConfigurationFault(place: source["database.url"].place, message: "database.url: \(error)")
        }
    }

    /// - Parameter level: where it may change while the logger is in use; nil takes that of this configuration for good.
    func logger(_ label: String, level: LiveLogLevel? = nil) -> Logger {
        guard let level else { return .standardError(label, level: logLevel, format: logFormat) }
        return Logger(label: label, factory: { LiveLevelLogHandler(LineLogHandler(label: $0, format: logFormat), level) })
    }
}
