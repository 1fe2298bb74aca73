import FoundationEssentials

/// Looks secrets up in an environment and its credentials directory.
public struct SecretSource: Sendable {
    /// Bytes of a credential file; more is no API key.
    static let maxBytes = 64 << 10

    private let environment: [String: String]

    /// - Parameter environment: nil for the process's own; it names the credentials directory too.
    public init(environment: [String: String]? = nil) {
        self.environment = environment ?? ProcessInfo.processInfo.environment
    }

    /// The secret, without white space around it.
    public func resolve(_ reference: SecretReference) throws(SecretError) -> Secret {
        let value =
            switch reference {
            case .environment(let name): try variable(name, reference)
            case .credential(let name): try credential(name, reference)
            }
        let trimmed = value.trimmingWhiteSpace
        guard !trimmed.isEmpty else { throw SecretError(reference: reference, reason: "is empty") }
        guard trimmed.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw SecretError(reference: reference, reason: "holds control characters, which no header can carry")
        }
        return Secret(trimmed)
    }

    private func variable(_ name: String, _ reference: SecretReference) throws(SecretError) -> String {
        guard let value = environment[name] else {
            throw SecretError(reference: reference, reason: "the environment variable \(name) is not set")
        }
        return value
    }

    private func credential(_ name: String, _ reference: SecretReference) throws(SecretError) -> String {
        guard let directory = environment["CREDENTIALS_DIRECTORY"] else {
            throw SecretError(
                reference: reference, reason: "CREDENTIALS_DIRECTORY is not set: is the service started with LoadCredential=?")
        }
        let path = directory + "/" + name
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            throw SecretError(reference: reference, reason: "the file \(path) does not exist")
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw SecretError(reference: reference, reason: "this process may not read the file \(path)")
        } catch {
            throw SecretError(reference: reference, reason: "the file \(path) cannot be read: \(error)")
        }
        guard data.count <= Self.maxBytes else {
            throw SecretError(reference: reference, reason: "the file \(path) has more than \(Self.maxBytes) bytes")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw SecretError(reference: reference, reason: "the file \(path) is not UTF-8")
        }
        return text
    }
}

/// Why a secret cannot be had; it never shows the secret.
public struct SecretError: Error, Sendable, Hashable, CustomStringConvertible {
    public let reference: SecretReference
    public let reason: String

    public var description: String { "secret \(reference): \(reason)" }
}

extension String {
    fileprivate var trimmingWhiteSpace: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[first...last])
    }
}
