import FoundationEssentials
import NIOSSL

/// The certificate chain and the private key with which a gateway ends TLS itself, both in PEM.
public struct TLSFiles: Sendable, Hashable {
    public var certificate: String
    public var key: String

    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }

    /// What is wrong with them; never what stands in them.
    public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        public enum File: Sendable, Hashable {
            case certificate
            case key
        }

        /// The one at fault.
        public let file: File
        public let description: String
    }

    /// Reads both, and sees that they belong together.
    public func check() throws(Failure) { _ = try identity(in: try contents()) }

    /// What stands in them now.
    struct Contents: Sendable, Hashable {
        var certificate: [UInt8]
        var key: [UInt8]
    }

    func contents() throws(Failure) -> Contents {
        guard let certificate = FileManager.default.contents(atPath: certificate) else { throw unreadable(.certificate) }
        guard let key = FileManager.default.contents(atPath: key) else { throw unreadable(.key) }
        return Contents(certificate: Array(certificate), key: Array(key))
    }

    func identity(in contents: Contents) throws(Failure) -> TLSIdentity {
        guard let chain = try? NIOSSLCertificate.fromPEMBytes(contents.certificate), !chain.isEmpty else { throw unreadable(.certificate) }
        guard let key = try? NIOSSLPrivateKey(bytes: contents.key, format: .pem) else { throw unreadable(.key) }
        let identity = TLSIdentity(chain: chain, key: key)
        guard (try? NIOSSLContext(configuration: identity.configuration)) != nil else {
            throw Failure(file: .key, description: "the private key '\(self.key)' does not belong to the certificate '\(certificate)'")
        }
        return identity
    }

    private func unreadable(_ file: Failure.File) -> Failure {
        switch file {
        case .certificate:
            Failure(file: file, description: "the certificate '\(certificate)' cannot be read: it must be a PEM file")
        case .key:
            Failure(file: file, description: "the private key '\(key)' cannot be read: it must be a PEM file without a passphrase")
        }
    }
}

/// What a gateway shows that it is who it says.
struct TLSIdentity: Sendable {
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey

    /// TLS 1.2 at least (RFC 9325 §3.1.1).
    var configuration: TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        return configuration
    }

    /// What new connections see in the place of an earlier one.
    var replacement: NIOSSLContextConfigurationOverride {
        var replacement = NIOSSLContextConfigurationOverride()
        replacement.certificateChain = chain.map { .certificate($0) }
        replacement.privateKey = .privateKey(key)
        return replacement
    }
}
