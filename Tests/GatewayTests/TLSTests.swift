import NIOCore
import NIOSSL
import Store
import TestSupport
import Testing

@testable import Gateway

/// TLS that a gateway ends itself, on real sockets.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    private static let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"

    private static func files(_ made: TestCertificate) -> TLSFiles { TLSFiles(certificate: made.certificate, key: made.key) }

    /// A client that speaks one version, and trusts this certificate alone.
    private static func client(_ made: TestCertificate, _ version: TLSVersion = .tlsv13) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(made.certificate))
        configuration.minimumTLSVersion = version
        configuration.maximumTLSVersion = version
        return configuration
    }

    /// The whole answer; empty where there was none.
    private static func answer(_ port: Int, _ tls: TLSConfiguration?) async throws -> String {
        var answer = ""
        do {
            try await RawConnection.with(port: port, tls: tls) { connection in
                try await connection.send(Self.request)
                answer = try await connection.answer()
            }
        } catch let error where error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError || error is ChannelError {
            // The other side wanted no such connection.
        } catch let error as IOError {
            _ = error
        }
        return answer
    }

    @Test func speaksWhatIsSafeAndNothingElse() async throws {
        let made = try await TestCertificate.make()
        try await GatewayFixture.with(configure: { $0.tls = Self.files(made) }) { fixture in
            for version in [TLSVersion.tlsv12, .tlsv13] {
                let answer = try await Self.answer(fixture.port, try Self.client(made, version))
                #expect(answer.hasPrefix("HTTP/1.1 200"), "\(version): \(answer)")
                #expect(answer.lowercased().contains("\r\nstrict-transport-security: max-age=31536000\r\n"))
            }
            #expect(try await Self.answer(fixture.port, try Self.client(made, .tlsv11)) == "")
            #expect(try await Self.answer(fixture.port, nil) == "", "nothing goes out in clear")
            let stranger = try await TestCertificate.make()
            #expect(try await Self.answer(fixture.port, try Self.client(stranger)) == "", "the test's client does look")
        }
    }

    /// A renewed certificate is shown to who comes then, and who is there stays.
    @Test func showsARenewedCertificate() async throws {
        let (old, new) = (try await TestCertificate.make(), try await TestCertificate.make())
        let client = try Self.client(old)
        let configure: (inout GatewayConfiguration) -> Void = { configuration in
            configuration.tls = Self.files(old)
            configuration.certificatePace = .milliseconds(20)
        }
        try await GatewayFixture.with(configure: configure) { fixture in
            try await RawConnection.with(port: fixture.port, tls: client) { connection in
                try await connection.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                var (answers, isRenewed) = ("", false)
                for try await piece in connection.inbound {
                    answers += String(buffer: piece)
                    guard !isRenewed else { continue }
                    isRenewed = true
                    // The old one's files hold the new one from here on.
                    try new.replace(old)
                    let renewed = try Self.client(new)
                    try await eventually("the new certificate is shown") {
                        try await Self.answer(fixture.port, renewed).hasPrefix("HTTP/1.1 200")
                    }
                    #expect(try await Self.answer(fixture.port, client) == "")
                    try await connection.send(Self.request)
                }
                #expect(
                    answers.split(separator: "HTTP/1.1 200", omittingEmptySubsequences: false).count == 3, "the open connection goes on")
            }
        }
    }

    @Test func saysWhichFileIsAtFault() async throws {
        let (one, other) = (try await TestCertificate.make(), try await TestCertificate.make())
        func fault(_ certificate: String, _ key: String) -> TLSFiles.Failure? {
            do throws(TLSFiles.Failure) {
                try TLSFiles(certificate: certificate, key: key).check()
                return nil
            } catch {
                return error
            }
        }
        #expect(fault(one.certificate, one.key) == nil)
        #expect(fault(one.certificate, other.key)?.file == .key)
        #expect(fault(one.certificate, other.key)?.description.contains("does not belong") == true)
        #expect(fault("/nowhere", one.key)?.file == .certificate)
        #expect(fault(one.key, one.key)?.file == .certificate)
        #expect(fault(one.certificate, one.certificate)?.file == .key)
    }
}
