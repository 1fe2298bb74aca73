import Domain
import HTTPTypes
import Hummingbird
import Postgres
import Store

extension Problem {
    /// What a caller is told of an error: its own faults in full, ours in general words.
    init(answering error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as AcceptanceInDoubt: self = error.problem
        case let error as PostgresError where error.isRetryable:
            self = .unavailable("The database does not answer in time. Try again.")
        case let failure as GroupCommit<Submission, Acceptance>.Failure:
            switch failure {
            case .overloaded: self = .unavailable("Too many requests wait to be stored. Try again.", retryAfter: 1)
            case .stopped: self = .unavailable("This gateway is stopping. Try again.", retryAfter: 1)
            }
        case is UploadSpool.Failure: self = .unavailable("There is no room for an upload here. Try again.", retryAfter: 30)
        case let error as UnreadBody: self = error.problem
        case let error as HTTPError where error.status == .notFound: self = .notFound("resource")
        case let error as HTTPError:
            self.init(status: error.status.code, title: error.status.reasonPhrase, detail: error.body)
        case is CancellationError: self = .unavailable("The request was cut short. Try again.")
        default:
            self.init(
                status: 500, title: "Internal server error", detail: "Something went wrong here. The log has it under the request's id.")
        }
    }
}
