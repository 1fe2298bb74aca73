import CLibPQ

/// What libpq reads out of a URL, and the hosts in it one by one.
///
/// libpq bounds the time a host gets only in its blocking connect; so hosts are tried here one after the other, each with the whole of
/// `connectTimeout`, instead of one silent host spending it for all.
struct ConnectionOptions {
    struct Target: Equatable {
        var host: String?
        var address: String?
        var port: String?
    }

    private let values: [String: String]
    /// What is set, by libpq's environment variables.
    let environment: [String: String]

    /// Throws `.invalidConfiguration`. libpq's message is left out because it may quote any part of the URL.
    init(url: String) throws(PostgresError) {
        guard let options = PQconninfoParse(url, nil) else {
            throw PostgresError(
                .invalidConfiguration, "the database URL is malformed (postgresql://user:password@host:port/database?key=value)")
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var environment: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                values[String(cString: keyword)] = String(cString: value)
                if let name = option.pointee.envvar { environment[String(cString: name)] = String(cString: value) }
            }
            option += 1
        }
        self.values = values
        self.environment = environment
    }

    subscript(keyword: String) -> String? { values[keyword] }

    /// The hosts to try in turn.
    ///
    /// `prefer-standby` wants two rounds over all hosts: that stays libpq's business, as one target. So do lists of unequal length,
    /// which libpq refuses with words of its own.
    var targets: [Target] {
        let hosts = list("host")
        let addresses = list("hostaddr")
        let ports = list("port")
        let count = max(hosts.count, addresses.count)
        let areEven =
            (hosts.isEmpty || hosts.count == count) && (addresses.isEmpty || addresses.count == count)
            && (ports.count <= 1 || ports.count == count)
        guard count > 1, areEven, values["target_session_attrs"] != "prefer-standby" else {
            return [Target(host: values["host"], address: values["hostaddr"], port: values["port"])]
        }
        return (0..<count).map { index in
            Target(
                host: hosts.isEmpty ? nil : hosts[index], address: addresses.isEmpty ? nil : addresses[index],
                // Where the URL names no port, its list holds an empty one, which would not override the list as a whole.
                port: ports.isEmpty ? nil : ports[ports.count == 1 ? 0 : index].orDefaultPort)
        }
    }

    private func list(_ keyword: String) -> [String] {
        values[keyword]?.split(separator: ",", omittingEmptySubsequences: false).map(String.init) ?? []
    }
}

extension String {
    /// PostgreSQL's port, where this is empty.
    fileprivate var orDefaultPort: String { isEmpty ? "5432" : self }
}
