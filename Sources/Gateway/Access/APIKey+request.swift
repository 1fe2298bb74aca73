import HTTPTypes
import Store

extension APIKey {
    /// The key in `Authorization: Bearer …` or, where that is missing, `X-API-Key`; nil where there is none that could be ours.
    init?(in headers: HTTPFields) {
        guard let authorization = headers[.authorization] else {
            guard let text = headers[.xAPIKey] else { return nil }
            self.init(presented: text)
            return
        }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        self.init(presented: String(parts[1].drop { $0 == " " }))
    }
}
