import HTTPTypes

/// Where an answer's redirect may lead, as a value: only to the origin the request went to.
enum RedirectRule {
    /// The request to send next, or nil if the answer is to be handed over as it is.
    ///
    /// A method with a body is repeated only for 307 and 308, which keep it (RFC 9110 §15.4).
    static func next(after response: HTTPResponse, to request: HTTPRequest) -> HTTPRequest? {
        let repeatable =
            switch response.status.code {
            case 307, 308: true
            case 301, 302, 303: request.method == .get || request.method == .head
            default: false
            }
        guard repeatable, let location = response.headerFields[.location], let scheme = request.scheme, let authority = request.authority
        else { return nil }
        let origin = "\(scheme)://\(authority)"
        var next = request
        if location.hasPrefix("/"), !location.hasPrefix("//") {
            next.path = location
        } else if location == origin {
            next.path = "/"
        } else if location.hasPrefix(origin + "/") {
            next.path = String(location.dropFirst(origin.count))
        } else {
            return nil
        }
        return next
    }
}
