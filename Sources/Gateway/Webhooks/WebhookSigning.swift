import Crypto
import Domain
import FoundationEssentials

/// The secrets of webhooks, and what is signed with them (Standard Webhooks 1.0, "Signature scheme": HMAC-SHA256).
///
/// A secret is derived from the server's key, so it stands in no table and every gateway has it; another number gives another secret.
public struct WebhookSigning: Sendable {
    /// Characters of the server's key, at the least.
    public static let keyLength = 32

    private let key: SymmetricKey

    /// - Parameter key: the server's, the same for all gateways; whoever knows it can sign for every webhook. nil where it is too short.
    public init?(key: String) {
        guard key.utf8.count >= Self.keyLength else { return nil }
        self.key = SymmetricKey(data: Data(key.utf8))
    }

    /// What the receiver checks with.
    func secret(of setting: WebhookSetting, projectID: UUID) -> String {
        "whsec_" + bytes(of: setting, projectID, version: setting.secretVersion).base64EncodedString()
    }

    /// The headers of one attempt. Behind a new secret the one before still signs too, until the receiver has the new one.
    func headers(of delivery: UUID, at time: Date, body: String, setting: WebhookSetting, projectID: UUID) -> [(String, String)] {
        let timestamp = "\(Int(time.timeIntervalSince1970))"
        let signed = Data("\(delivery.text).\(timestamp).\(body)".utf8)
        let signatures = [setting.secretVersion, setting.secretVersion - 1].filter { $0 > 0 }.map { version in
            let secret = SymmetricKey(data: bytes(of: setting, projectID, version: version))
            return "v1," + Data(HMAC<SHA256>.authenticationCode(for: signed, using: secret)).base64EncodedString()
        }
        return [
            ("webhook-id", delivery.text), ("webhook-timestamp", timestamp), ("webhook-signature", signatures.joined(separator: " ")),
        ]
    }

    private func bytes(of setting: WebhookSetting, _ projectID: UUID, version: Int) -> Data {
        let place = Data("chorus webhook\n\(projectID.text)\n\(setting.url.text)\n\(version)".utf8)
        return Data(HMAC<SHA256>.authenticationCode(for: place, using: key))
    }
}
