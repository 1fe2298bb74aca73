import Domain
import FoundationEssentials
import Hummingbird

extension GatewayContext {
    /// The id in the path; a 400 where it is no UUID.
    func id(_ name: String) throws(Problem) -> UUID {
        guard let id = parameters.get(name).flatMap({ UUID(text: $0) }) else {
            throw .badRequest("The path's '\(name)' is not a UUID.", errors: [FieldError(pointer: name, detail: "must be a UUID")])
        }
        return id
    }
}
