import NIOSSL

/// The certificate chain and the private key with which a gateway ends TLS itself, both in PEM.
public struct TLSFiles: Sendable {
    public var certificate: String
    public var key: String

    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }

    /// What is wrong with them; never what stands in them.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// TLS 1.2 at least (RFC 9325 §3.1.1).
    func configuration() throws -> TLSConfiguration {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificate)
        } catch {
            throw Failure(description: "the certificate '\(certificate)' cannot be read: it must be a PEM file")
        }
        let privateKey: NIOSSLPrivateKey
        do {
            privateKey = try NIOSSLPrivateKey(file: key, format: .pem)
        } catch {
            throw Failure(description: "the private key '\(key)' cannot be read: it must be a PEM file without a passphrase")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        return configuration
    }
}
