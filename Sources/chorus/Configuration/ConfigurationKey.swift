/// One thing that can be configured: in the file as `section: {name: value}`, in the environment as `CHORUS_SECTION_NAME`.
struct ConfigurationKey: Sendable {
    enum Kind: Sendable {
        case text
        /// Absolute, or empty for none.
        case path
        /// A URL that may hold a password; also `env:NAME` or `credential:NAME`.
        case secret
        /// The same, or empty for none.
        case optionalSecret
        case integer(ClosedRange<Int>)
        /// `250ms`, `30s`, `5m`, within these bounds.
        case duration(ClosedRange<Duration>)
        case choice([String])
        /// Hosts of engines, or empty for any.
        case hosts
        /// Words with commas between, or empty for none.
        case list
    }

    /// `section.name`
    let name: String
    let kind: Kind
    let standard: String
    /// Whether a running server takes a new value up when it reads its configuration anew; else the next start does.
    var isLive = false

    var environmentName: String { "CHORUS_" + name.uppercased().split(separator: ".").joined(separator: "_") }

    /// Every key. `config/chorus.yaml` documents each; a test holds the two equal.
    static let all: [ConfigurationKey] = [
        ConfigurationKey(name: "database.url", kind: .secret, standard: "postgresql://localhost/chorus"),
        ConfigurationKey(name: "database.pool_size", kind: .integer(2...200), standard: "8"),
        ConfigurationKey(name: "amqp.url", kind: .secret, standard: "amqp://guest:guest@localhost:5672/"),
        ConfigurationKey(name: "amqp.queue_type", kind: .choice(["classic", "quorum"]), standard: "classic"),
        ConfigurationKey(name: "queues.partitions", kind: .integer(1...256), standard: "8"),
        ConfigurationKey(name: "http.host", kind: .text, standard: "127.0.0.1"),
        ConfigurationKey(name: "http.port", kind: .integer(0...65_535), standard: "8080"),
        ConfigurationKey(name: "http.threads", kind: .integer(0...1_024), standard: "0"),
        ConfigurationKey(name: "http.body_limit", kind: .integer(1_024...67_108_864), standard: "1048576", isLive: true),
        ConfigurationKey(name: "http.upload_limit", kind: .integer(1_024...1_073_741_824), standard: "67108864", isLive: true),
        ConfigurationKey(name: "http.upload_tasks", kind: .integer(1...1_000_000), standard: "100000", isLive: true),
        ConfigurationKey(name: "http.upload_timeout", kind: .duration(.seconds(1) ... .seconds(3_600)), standard: "5m", isLive: true),
        ConfigurationKey(name: "http.uploads_at_once", kind: .integer(1...100), standard: "4", isLive: true),
        ConfigurationKey(name: "http.max_connections", kind: .integer(1...65_536), standard: "4096", isLive: true),
        ConfigurationKey(name: "http.connections_per_address", kind: .integer(1...65_536), standard: "2048", isLive: true),
        ConfigurationKey(name: "http.idle_timeout", kind: .duration(.seconds(1) ... .seconds(3_600)), standard: "75s", isLive: true),
        ConfigurationKey(name: "http.head_timeout", kind: .duration(.seconds(1) ... .seconds(600)), standard: "20s", isLive: true),
        ConfigurationKey(name: "http.body_timeout", kind: .duration(.seconds(1) ... .seconds(3_600)), standard: "60s", isLive: true),
        ConfigurationKey(name: "http.requests_per_second", kind: .integer(0...1_000_000), standard: "0", isLive: true),
        ConfigurationKey(name: "http.refusals_per_minute", kind: .integer(0...1_000_000), standard: "600", isLive: true),
        ConfigurationKey(name: "http.event_streams", kind: .integer(0...65_536), standard: "2000", isLive: true),
        ConfigurationKey(name: "http.event_streams_per_key", kind: .integer(0...65_536), standard: "1000", isLive: true),
        ConfigurationKey(name: "http.trusted_proxies", kind: .list, standard: "", isLive: true),
        ConfigurationKey(name: "http.cors_origins", kind: .list, standard: "", isLive: true),
        ConfigurationKey(name: "http.tls_certificate", kind: .path, standard: ""),
        ConfigurationKey(name: "http.tls_key", kind: .path, standard: ""),
        ConfigurationKey(name: "http.access_log", kind: .choice(["on", "off"]), standard: "off", isLive: true),
        ConfigurationKey(name: "accounts.registration", kind: .choice(["open", "invite", "closed"]), standard: "invite", isLive: true),
        ConfigurationKey(
            name: "accounts.session_lifetime", kind: .duration(.seconds(60) ... .seconds(2_592_000)), standard: "12h", isLive: true),
        ConfigurationKey(name: "accounts.logins_per_minute", kind: .integer(0...1_000_000), standard: "10", isLive: true),
        ConfigurationKey(name: "intake.enabled", kind: .choice(["on", "off"]), standard: "on"),
        ConfigurationKey(name: "intake.prefetch", kind: .integer(1...10_000), standard: "300"),
        ConfigurationKey(name: "events.exchange", kind: .choice(["on", "off"]), standard: "on"),
        ConfigurationKey(name: "worker.name", kind: .text, standard: "worker"),
        ConfigurationKey(name: "worker.concurrency", kind: .integer(1...10_000), standard: "64", isLive: true),
        ConfigurationKey(name: "worker.drain_timeout", kind: .duration(.zero ... .seconds(86_400)), standard: "30s", isLive: true),
        ConfigurationKey(name: "worker.lease", kind: .duration(.seconds(1) ... .seconds(600)), standard: "15s"),
        ConfigurationKey(name: "worker.state_directory", kind: .path, standard: ""),
        ConfigurationKey(name: "engines.allowed_hosts", kind: .hosts, standard: "", isLive: true),
        ConfigurationKey(name: "webhooks.signing_key", kind: .optionalSecret, standard: ""),
        ConfigurationKey(name: "webhooks.allowed_networks", kind: .list, standard: "", isLive: true),
        ConfigurationKey(name: "metrics.host", kind: .text, standard: "127.0.0.1"),
        ConfigurationKey(name: "metrics.port", kind: .integer(0...65_535), standard: "0"),
        ConfigurationKey(name: "metrics.port_offset", kind: .integer(0...999), standard: "0"),
        ConfigurationKey(name: "tracing.endpoint", kind: .optionalSecret, standard: ""),
        ConfigurationKey(name: "tracing.headers", kind: .optionalSecret, standard: ""),
        ConfigurationKey(name: "tracing.sample_percent", kind: .integer(0...100), standard: "100"),
        ConfigurationKey(name: "backup.target", kind: .text, standard: "/var/backups/chorus", isLive: true),
        ConfigurationKey(name: "backup.key_file", kind: .path, standard: "", isLive: true),
        ConfigurationKey(name: "backup.retention", kind: .integer(1...36_500), standard: "30", isLive: true),
        ConfigurationKey(name: "retention.tasks", kind: .integer(0...36_500), standard: "0", isLive: true),
        ConfigurationKey(
            name: "log.level", kind: .choice(["trace", "debug", "info", "notice", "warning", "error"]), standard: "info", isLive: true),
        ConfigurationKey(name: "log.format", kind: .choice(["auto", "text", "json"]), standard: "auto"),
    ]
}
