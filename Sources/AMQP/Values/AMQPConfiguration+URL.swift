extension AMQPConfiguration {
    /// Reads `amqp://user:password@host:port,host2:port2/vhost?heartbeat=10`, or `amqps://` for TLS.
    ///
    /// Texts may be percent-encoded. No path means the virtual host `/`; as RabbitMQ's URI specification has it, a path `/` alone would
    /// name the empty virtual host, which no broker has, so it means `/` too. Parameters: `heartbeat`, `connect_timeout`
    /// (or `connection_timeout`), `rpc_timeout` (seconds), `connection_name`, `max_body_size` (bytes), and for TLS `cacertfile`,
    /// `certfile`, `keyfile`, `verify` (`verify_peer` or `verify_none`). Throws `.invalid`, without the URL in the message: it holds a password.
    public init(url: String) throws(AMQPError) {
        guard let schemeEnd = url.firstRange(of: "://") else { throw AMQPError(.invalid, "AMQP URL: no scheme") }
        let scheme = url[..<schemeEnd.lowerBound].lowercased()
        guard scheme == "amqp" || scheme == "amqps" else { throw AMQPError(.invalid, "AMQP URL: the scheme is not amqp or amqps") }
        var rest = url[schemeEnd.upperBound...]

        var query: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        var path: Substring = ""
        if let slash = rest.firstIndex(of: "/") {
            path = rest[rest.index(after: slash)...]
            rest = rest[..<slash]
        }
        var credentials: Substring?
        if let at = rest.lastIndex(of: "@") {
            credentials = rest[..<at]
            rest = rest[rest.index(after: at)...]
        }

        var endpoints: [Endpoint] = []
        for host in rest.split(separator: ",") {
            endpoints.append(try Self.endpoint(host, defaultPort: scheme == "amqps" ? 5671 : 5672))
        }
        self.init(endpoints: endpoints.isEmpty ? [Endpoint(host: "localhost", port: scheme == "amqps" ? 5671 : 5672)] : endpoints)
        if scheme == "amqps" { tls = TLS() }
        if !path.isEmpty { virtualHost = try Self.decode(path, what: "virtual host") }
        if let credentials {
            let parts = credentials.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = try Self.decode(parts[0], what: "user")
            password = parts.count > 1 ? try Self.decode(parts[1], what: "password") : ""
        }
        for parameter in query.split(separator: "&") {
            let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try Self.decode(parts[0], what: "parameter")
            try apply(parameter: name, value: parts.count > 1 ? try Self.decode(parts[1], what: name) : "")
        }
    }

    private mutating func apply(parameter: String, value: String) throws(AMQPError) {
        switch parameter {
        case "heartbeat": heartbeat = .seconds(try Self.number(value, 1...3_600, of: parameter))
        case "connect_timeout", "connection_timeout": connectTimeout = .seconds(try Self.number(value, 1...600, of: parameter))
        case "rpc_timeout": rpcTimeout = .seconds(try Self.number(value, 1...600, of: parameter))
        case "connection_name": connectionName = value
        case "max_body_size": maxBodySize = try Self.number(value, 1...1 << 30, of: parameter)
        case "cacertfile": tls?.authorityFile = value
        case "certfile": tls?.certificateFile = value
        case "keyfile": tls?.keyFile = value
        case "verify":
            guard value == "verify_peer" || value == "verify_none" else {
                throw AMQPError(.invalid, "AMQP URL: verify is verify_peer or verify_none")
            }
            tls?.verifiesPeer = value == "verify_peer"
        default: throw AMQPError(.invalid, "AMQP URL: unknown parameter '\(parameter.prefix(64))'")
        }
    }

    private static func number(_ text: String, _ range: ClosedRange<Int>, of parameter: String) throws(AMQPError) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw AMQPError(.invalid, "AMQP URL: \(parameter) is not within \(range.lowerBound)…\(range.upperBound)")
        }
        return number
    }

    private static func endpoint(_ text: Substring, defaultPort: Int) throws(AMQPError) -> Endpoint {
        var host = text
        var port = defaultPort
        let afterBracket = text.lastIndex(of: "]") ?? text.startIndex
        if let colon = text[afterBracket...].lastIndex(of: ":") {
            host = text[..<colon]
            port = try number(String(text[text.index(after: colon)...]), 1...65_535, of: "the port")
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        let name = try decode(host, what: "host")
        return Endpoint(host: name.isEmpty ? "localhost" : name, port: port)
    }

    /// Percent-decodes; a zero byte would end the text early in C and is refused.
    private static func decode(_ text: Substring, what: String) throws(AMQPError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "%") {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
            guard digits.count == 2 else { throw AMQPError(.invalid, "AMQP URL: bad percent-encoding in the \(what.prefix(64))") }
            bytes.append(UInt8(digits[0] * 16 + digits[1]))
            rest = rest.dropFirst(2)
        }
        guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self) else {
            throw AMQPError(.invalid, "AMQP URL: the \(what.prefix(64)) is not UTF-8 text")
        }
        return decoded
    }
}
