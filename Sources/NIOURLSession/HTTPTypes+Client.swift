import AsyncHTTPClient
import HTTPTypes
import NIOHTTP1

extension HTTPClient.Request {
    /// The client's form of a request without its fields and its body; throws when scheme, host or path make no URL.
    init(target request: HTTPRequest) throws {
        guard let scheme = request.scheme, scheme == "http" || scheme == "https", let authority = request.authority else {
            throw NIOURLSessionError(.invalidURL, delivery: .notSent, detail: "the scheme is not http or https, or there is no authority")
        }
        try self.init(url: "\(scheme)://\(authority)\(request.path ?? "/")", method: HTTPMethod(rawValue: request.method.rawValue))
    }
}

extension HTTPHeaders {
    init(_ fields: HTTPFields) {
        self.init()
        // The client adds two.
        reserveCapacity(fields.count + 2)
        for field in fields { add(name: field.name.rawName, value: field.value) }
    }
}

extension HTTPResponseHead {
    /// The head as a value of HTTPTypes; nil for a status that HTTP does not have. Fields with impossible names are left out.
    var sessionResponse: HTTPResponse? {
        guard (100...599).contains(status.code) else { return nil }
        var fields = HTTPFields()
        fields.reserveCapacity(headers.count)
        for (name, value) in headers {
            guard let name = HTTPField.Name(name) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        return HTTPResponse(status: HTTPResponse.Status(code: Int(status.code)), headerFields: fields)
    }
}
