import CLibPQ

extension LibPQConnection {
    /// Begins to connect to one host; nil if libpq finds no memory.
    ///
    /// Order decides: what stands before `dbname` (the URL) is a default, what stands behind it overrides the URL.
    static func start(_ configuration: PostgresConfiguration, options: ConnectionOptions, target: ConnectionOptions.Target)
        -> LibPQConnection?
    {
        CryptoLibrary.keepUntilExit
        var settings: [(String, String)] = [
            ("application_name", configuration.applicationName),
            ("client_encoding", "UTF8"),
            // Unless the URL wants it: Kerberos takes its locks down in exit(3), under threads that still connect, and aborts.
            ("gssencmode", "disable"),
            ("tcp_user_timeout", String(configuration.tcpUserTimeout.wholeMilliseconds)),
        ]
        if let idle = configuration.keepalivesIdle {
            let seconds = String(max(1, idle.components.seconds))
            settings += [("keepalives", "1"), ("keepalives_idle", seconds), ("keepalives_interval", "5"), ("keepalives_count", "3")]
        }
        // Of several hosts one takes writes; with libpq's own default the first that answers would do, a standby too.
        if options.targets.count > 1 { settings.append(("target_session_attrs", "read-write")) }
        settings.append(("dbname", configuration.url))
        if let host = target.host { settings.append(("host", host)) }
        if let address = target.address { settings.append(("hostaddr", address)) }
        if let port = target.port { settings.append(("port", port)) }
        // Decoding relies on UTF-8; the URL's own server options come last and win.
        let timeouts = [
            "-c statement_timeout=\(configuration.statementTimeout.wholeMilliseconds)",
            "-c idle_in_transaction_session_timeout=\(configuration.idleTransactionTimeout.wholeMilliseconds)",
        ]
        let serverOptions = timeouts + configuration.planning.options + [options["options"]].compactMap(\.self)
        settings.append(("options", serverOptions.joined(separator: " ")))
        let pointer = withCStrings(settings.map(\.0)) { keywords in
            withCStrings(settings.map(\.1)) { values in PQconnectStartParams(keywords, values, 1) }
        }
        return pointer.map { LibPQConnection($0) }
    }

    /// Lends the strings as a null-terminated array of C strings: all of them copied, end to end, into one buffer.
    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
    ) -> Result {
        var text: [CChar] = []
        var offsets: [Int] = []
        for string in strings {
            offsets.append(text.count)
            text.append(contentsOf: string.utf8CString)
        }
        return text.withUnsafeBufferPointer { text in
            let pointers = offsets.map { offset in text.baseAddress.map { $0 + offset } } + [nil]
            return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
        }
    }
}

extension Duration {
    /// At least one millisecond, as PostgreSQL and libpq take zero for "no limit".
    var wholeMilliseconds: Int64 {
        max(1, components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000)
    }
}
