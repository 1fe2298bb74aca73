/// A key or a value that is wrong, with the place it comes from.
struct ConfigurationFault: Error, CustomStringConvertible {
    /// `chorus.yaml:12` or `CHORUS_HTTP_PORT`.
    var place: String
    var message: String

    var description: String { "\(place): \(message)" }
}
