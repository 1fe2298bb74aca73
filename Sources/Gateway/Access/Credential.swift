import HTTPTypes
import Store

/// What a caller shows to say who they are.
enum Credential: Sendable {
    case key(APIKey)
    case token(PresentedToken)

    /// Reads `Authorization: Bearer …` or, where that is missing, `X-API-Key`; nil where there is nothing that could be ours.
    init?(in headers: HTTPFields) {
        guard let authorization = headers[.authorization] else {
            guard let key = headers[.xAPIKey].flatMap(APIKey.init(presented:)) else { return nil }
            self = .key(key)
            return
        }
        self.init(authorization: authorization)
    }

    /// Reads `Bearer …`.
    init?(authorization: String) {
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let text = String(parts[1].drop { $0 == " " })
        if let key = APIKey(presented: text) {
            self = .key(key)
        } else if let token = PresentedToken(text) {
            self = .token(token)
        } else {
            return nil
        }
    }

    /// What it is remembered by.
    var digest: String {
        switch self {
        case .key(let key): key.digest
        case .token(let token): RandomSecret.digest(of: token.text)
        }
    }
}

/// A session's token as a caller shows it, checked or not.
struct PresentedToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let text: String

    /// nil where it cannot be one.
    init?(_ text: String) {
        guard text.utf8.count <= SignedToken.limit, text.utf8.count(where: { $0 == UInt8(ascii: ".") }) == 2 else { return nil }
        self.text = text
    }

    var description: String { "[redacted]" }
    var debugDescription: String { description }
}
