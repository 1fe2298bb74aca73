import Domain
import NIOCore
import NIOSSL
import TestSupport
import Testing

@testable import Gateway

/// Posts over TLS on real sockets: the receiver, here a gateway, must be who the address says.
@Suite(.timeLimit(.minutes(1))) struct WebhookTLSTests {
    private static func post(_ port: Int, host: String, trusting roots: NIOSSLTrustRoots) async throws -> Int {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = roots
        let url = try #require(WebhookURL("https://\(host):\(port)/hook"))
        let call = WebhookCall(
            url: url, headers: [("webhook-id", "1")], body: "{}", tls: try NIOSSLContext(configuration: configuration))
        return try await call.post(to: try SocketAddress(ipAddress: "127.0.0.1", port: port)).status
    }

    @Test func goOnlyToWhomTheAddressNames() async throws {
        let made = try await TestCertificate.make()
        let configure: @Sendable (inout GatewayConfiguration) -> Void = {
            $0.tls = TLSFiles(certificate: made.certificate, key: made.key)
        }
        try await GatewayFixture.with(configure: configure) { fixture in
            let roots = NIOSSLTrustRoots.certificates(try NIOSSLCertificate.fromPEMFile(made.certificate))
            // There is no such path: what counts is that an answer came.
            let status = try await Self.post(fixture.port, host: "localhost", trusting: roots)
            #expect(status == 404)
            await #expect(throws: (any Error).self, "nobody vouches for it") {
                try await Self.post(fixture.port, host: "localhost", trusting: .default)
            }
            await #expect(throws: (any Error).self, "it is another's certificate") {
                try await Self.post(fixture.port, host: "127.0.0.1", trusting: roots)
            }
            await #expect(throws: (any Error).self, "it is another's certificate") {
                try await Self.post(fixture.port, host: "example.org", trusting: roots)
            }
        }
    }
}
