/// Where a secret is kept: files and the database hold this name, never the secret.
public enum SecretReference: Sendable, Hashable {
    /// `env:NAME`: a variable of the process environment.
    case environment(String)
    /// `credential:NAME`: the file NAME in `$CREDENTIALS_DIRECTORY` (systemd.exec(5), "Credentials").
    case credential(String)

    static let advice =
        "must be env:NAME or credential:NAME, never the secret itself: put it in an environment variable or a credential file"

    /// nil where `text` is no reference; it may be a secret then, so it must not be shown.
    public init?(_ text: String) {
        if text.hasPrefix("env:") {
            let name = String(text.dropFirst(4))
            guard Self.isVariableName(name) else { return nil }
            self = .environment(name)
        } else if text.hasPrefix("credential:") {
            let name = String(text.dropFirst(11))
            guard Self.isFileName(name) else { return nil }
            self = .credential(name)
        } else {
            return nil
        }
    }

    private static func isVariableName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 128 else { return false }
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        let isLetter = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_") }
        return isLetter(first) && name.utf8.allSatisfy { isLetter($0) || isDigit($0) }
    }

    private static func isFileName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255 && !name.hasPrefix(".")
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
    }
}

extension SecretReference: CustomStringConvertible {
    public var description: String {
        switch self {
        case .environment(let name): "env:\(name)"
        case .credential(let name): "credential:\(name)"
        }
    }
}
