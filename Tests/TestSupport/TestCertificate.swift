import FoundationEssentials
import Operations

/// A certificate for `localhost` that is good for a day, and its key, both in files.
public struct TestCertificate: Sendable {
    public let certificate: String
    public let key: String

    /// Makes one with `openssl`.
    public static func make() async throws -> TestCertificate {
        let folder = try await TestFolder.fresh("tls")
        let made = TestCertificate(certificate: "\(folder)/certificate.pem", key: "\(folder)/key.pem")
        try await ChildProcess.run(
            ProcessCommand(
                executable: "/usr/bin/openssl",
                arguments: [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", made.key, "-out", made.certificate,
                ],
                environment: ["PATH": "/usr/bin:/bin"], logPath: "\(folder)/output"),
            within: .seconds(30))
        return made
    }

    /// Puts this one's files in the place of another's, one after the other, as whoever renews a certificate does.
    public func replace(_ other: TestCertificate) throws {
        for (mine, others) in [(certificate, other.certificate), (key, other.key)] {
            guard let bytes = FileManager.default.contents(atPath: mine) else { throw OperationsError(.system, "cannot read \(mine)") }
            try bytes.write(to: URL(filePath: others), options: .atomic)
        }
    }
}
