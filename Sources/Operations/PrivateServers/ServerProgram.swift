import FoundationEssentials
import Glibc

/// Where Debian's packages put the programs of the servers.
public enum ServerProgram {
    /// A program of PostgreSQL (`postgres`, `initdb`, `psql`, …) of the newest version installed.
    /// - Throws: `OperationsError` that names the package to install.
    public static func postgres(_ name: String) throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap(Int.init).sorted(by: >)
        return try first(versions.map { "\(root)/\($0)/bin/\(name)" }, package: "postgresql")
    }

    /// A program of RabbitMQ, past the wrapper in `/usr/sbin` that insists on root or the package's own user.
    public static func rabbitMQ(_ name: String) throws -> String {
        try first(["/usr/lib/rabbitmq/bin/\(name)"], package: "rabbitmq-server")
    }

    /// The broker itself, among the plugins that are installed beside it; nil where it lies elsewhere, or is not the only one.
    static func rabbitMQCore() -> String? {
        guard let program = try? rabbitMQ("rabbitmq-server"), let path = realpath(program, nil) else { return nil }
        defer { free(path) }
        let plugins = AbsolutePath.parent(of: AbsolutePath.parent(of: String(cString: path))) + "/plugins"
        let cores = (try? FileManager.default.contentsOfDirectory(atPath: plugins))?.filter { $0.hasPrefix("rabbit-") } ?? []
        return cores.count == 1 ? "\(plugins)/\(cores[0])" : nil
    }

    /// Erlang's port mapper.
    static func epmd() throws -> String {
        try first(["/usr/bin/epmd"], package: "erlang-base")
    }

    /// A tool of a package that has it in `/usr/bin`.
    static func tool(_ name: String, package: String) throws -> String {
        try first(["/usr/bin/\(name)", "/usr/local/bin/\(name)"], package: package)
    }

    private static func first(_ candidates: [String], package: String) throws -> String {
        for path in candidates where access(path, X_OK) == 0 { return path }
        throw OperationsError(.missingProgram, "a program of the Debian package '\(package)' is missing: apt-get install \(package)")
    }

    /// What a server's environment starts from: scripts of the packages find their tools, and nothing of the caller leaks in.
    static let baseEnvironment = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"]
}
