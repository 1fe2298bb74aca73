import Foundation
import HTTPTypes
import Logging
import NIOSSL
import Testing

@testable import NIOURLSession

/// Whom a session believes to be who they say they are.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    /// The error of a call to a server whose certificate is its own word; nil where it answered.
    private func call(host: String, trusting file: String?) async throws -> NIOURLSessionError? {
        let server = try await LoopbackServer(tls: try Self.serverContext())
        var configuration = NIOURLSessionConfiguration()
        configuration.additionalTrustRootsFile = file
        let session = NIOURLSession(configuration: configuration, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let request = HTTPRequest(method: .post, scheme: "https", authority: "\(host):\(server.port)", path: "/echo")
        var failure: NIOURLSessionError?
        do throws(NIOURLSessionError) {
            let answer = try await session.upload(for: request, from: Array("secret".utf8))
            #expect(answer.body == Array("secret".utf8))
        } catch {
            failure = error
        }
        await session.shutdown()
        try await server.stop()
        return failure
    }

    @Test func aCertificateThatNobodyVouchesForIsRefused() async throws {
        let error = try await call(host: "localhost", trusting: nil)
        #expect(error?.code == .tls, "\(error?.description ?? "it answered")")
        #expect(error?.delivery == .notSent, "nothing of the request leaves")
    }

    @Test func aCertificateOfAnotherNameIsRefused() async throws {
        let file = try Self.trustFile()
        defer { try? FileManager.default.removeItem(atPath: file) }
        let error = try await call(host: "127.0.0.1", trusting: file)
        #expect(error?.code == .tls, "\(error?.description ?? "it answered")")
        #expect(error?.delivery == .notSent)
        let none = try await call(host: "localhost", trusting: file)
        #expect(none == nil, "\(none?.description ?? "")")
    }

    private static func serverContext() throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(try NIOSSLCertificate(bytes: Array(certificate.utf8), format: .pem))],
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))))
    }

    private static func trustFile() throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("chorus-\(UUID()).pem").path
        try certificate.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Of `localhost`, signed with itself, from 2020 to 2120.
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBRTCB7KADAgECAgEBMAoGCCqGSM49BAMCMBYxFDASBgNVBAMMC0Nob3J1cyB0
        ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAWMRQwEgYDVQQD
        DAtDaG9ydXMgdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGH/ywrxlLLU
        mQMTDLOY8p69ZlhDHP9UQPJDTS7n21UgN4RkzLmPkb4oNL6OUTZs1sI38SPgCDjA
        RlgPYKHtMPOjKTAnMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAPBgNVHRMBAf8EBTAD
        AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCM9zGymsBTa8utw1HMSxgXyqMrlkB2wY6/
        4eEXMoDu1gIgT84UyjR4pTqRaMeQVqdTkXEIXoN7JjGvlcqGzbTVfr4=
        -----END CERTIFICATE-----
        """

    /// Guards nothing.
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzvprTdhOBbawZaGo
        aRCQNzBBJRAAz/LawXq8DHSWQuyhRANCAARh/8sK8ZSy1JkDEwyzmPKevWZYQxz/
        VEDyQ00u59tVIDeEZMy5j5G+KDS+jlE2bNbCN/Ej4Ag4wEZYD2Ch7TDz
        -----END PRIVATE KEY-----
        """
}
