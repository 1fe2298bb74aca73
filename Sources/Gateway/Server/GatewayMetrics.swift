import CoreMetrics
import HTTPTypes
import Synchronization

/// What the gateway counts of its requests.
final class GatewayMetrics: Sendable {
    private struct Answer: Hashable {
        var method: String
        var route: String
        var status: Int
    }

    private static let methods: Set<HTTPRequest.Method> = [.get, .post, .put, .patch, .delete, .head, .options]

    /// By what they count: looked up once, as a request must not pay for labels.
    private let answers = Mutex<[Answer: Counter]>([:])
    private let times = Mutex<[String: CoreMetrics.Timer]>([:])

    /// - Parameter route: the pattern, whose values are few; nil where there is none for the path.
    func answered(_ method: HTTPRequest.Method, route: String?, status: Int, after time: Duration) {
        let answer = Answer(method: Self.methods.contains(method) ? method.rawValue : "other", route: route ?? "none", status: status)
        let counter = answers.withLock { answers in
            if let known = answers[answer] { return known }
            let new = Counter(
                label: "chorus_http_requests_total",
                dimensions: [("method", answer.method), ("route", answer.route), ("status", "\(answer.status)")])
            answers[answer] = new
            return new
        }
        counter.increment()
        let timer = times.withLock { times in
            if let known = times[answer.route] { return known }
            let new = CoreMetrics.Timer(label: "chorus_http_request_seconds", dimensions: [("route", answer.route)])
            times[answer.route] = new
            return new
        }
        timer.recordNanoseconds(Int64(time / .nanoseconds(1)))
    }
}
