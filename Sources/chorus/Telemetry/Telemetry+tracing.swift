import Engines
import HTTPTypes
import Logging
import Operations
import Tracing

extension Telemetry {
    /// Follows traces from now on. Once a process.
    ///
    /// - Returns: what hands spans to the collector; nil where none is configured: then traces only pass through.
    static func trace(
        _ configuration: ChorusConfiguration, _ role: Role, name: String? = nil, _ logger: Logger
    ) throws -> SpanExporter? {
        let exporter = try exporter(configuration.source, role, name, logger)
        let share = Double(try configuration.source.integer("tracing.sample_percent")) / 100
        InstrumentationSystem.bootstrap(ChorusTracer(exporter: exporter, share: share))
        return exporter
    }

    private static func exporter(
        _ source: ConfigurationSource, _ role: Role, _ name: String?, _ logger: Logger
    ) throws -> SpanExporter? {
        guard let endpoint = try source.optionalSecret("tracing.endpoint") else { return nil }
        guard !endpoint.contains("@") else {
            throw source.fault("tracing.endpoint", "must not carry a user or password: tracing.headers may")
        }
        let url: EngineURL
        do {
            url = try EngineURL(endpoint)
        } catch {
            throw source.fault("tracing.endpoint", error.reason)
        }
        let path = url.path.hasSuffix("/v1/traces") ? url.path : "\(url.path)/v1/traces"
        var request = HTTPRequest(method: .post, scheme: url.scheme, authority: url.authority, path: path)
        request.headerFields[.contentType] = "application/json"
        for pair in (try source.optionalSecret("tracing.headers") ?? "").split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1).map { $0.trimmingPrefix(while: \.isWhitespace) }
            guard parts.count == 2, let field = HTTPField.Name(String(parts[0])) else {
                throw source.fault("tracing.headers", "must be NAME=VALUE, with commas between")
            }
            request.headerFields[field] = String(parts[1])
        }
        var resource = ["service.name": "chorus-\(role.rawValue)", "service.version": Release.version]
        resource["service.instance.id"] = name
        return SpanExporter(SpanExporter.Configuration(request: request, resource: resource), logger: logger)
    }
}
