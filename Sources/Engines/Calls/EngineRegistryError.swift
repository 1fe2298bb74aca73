/// Why there is no engine to call.
public enum EngineRegistryError: Error, Sendable, Hashable {
    /// No engine is defined at all.
    case none
    case unknown(name: String, known: [String])
    case unusable(EngineSetupError)
}

extension EngineRegistryError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .none: "no engine is defined: write an engines file and run 'chorus engines apply FILE'"
        case .unknown(let name, let known):
            "there is no engine '\(name.prefix(64))'; known are \(known.prefix(50).joined(separator: ", "))\(known.count > 50 ? ", …" : "")"
        case .unusable(let fault): fault.description
        }
    }
}
