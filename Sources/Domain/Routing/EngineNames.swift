/// The engines that tasks may name.
public struct EngineNames: Sendable, Hashable {
    /// How many a task may name.
    public static let limit = 16

    /// In the order in which they were applied; the first is the fleet's default.
    public var names: [String]
    /// The format each of them speaks, where it is known.
    public var types: [String: EngineType]
    /// The project's own engines, where it names any.
    public var projectEngines: [String]?

    public init(_ names: [String], types: [String: EngineType] = [:]) {
        self.names = names
        self.types = types
    }

    public var standard: String? { names.first }

    /// The engines of a task that names none.
    var unnamed: [String] { projectEngines ?? standard.map { [$0] } ?? [] }

    /// The same for tasks of a project that names these.
    public func preferring(_ projectEngines: [String]?) -> EngineNames {
        var copy = self
        copy.projectEngines = projectEngines
        return copy
    }

    /// The formats of all engines that a task may be asked of, as far as they are known. Where it names none, those are its project's, or
    /// the fleet's default, as they are now: they may be others when the task runs, and the format itself refuses then.
    func types(askedBy input: JSONObject) -> [EngineType] {
        guard !types.isEmpty else { return [] }
        let named =
            (input["engine"]?.stringValue).map { [$0] } ?? input["engines"]?.arrayValue?.compactMap(\.stringValue) ?? unnamed
        let asked = Set(named.compactMap { types[$0] })
        return EngineType.allCases.filter(asked.contains)
    }

    func check(_ name: String, _ key: String, in fields: inout FieldReader) {
        guard !names.contains(name) else { return }
        let known = names.isEmpty ? "none is configured" : "known: \(names.prefix(20).joined(separator: ", "))"
        fields.fail(key, "there is no engine '\(name.prefix(60))' (\(known))")
    }

    /// Reads a list of engine names: 1 to ``limit``, each known.
    func read(_ key: String, from fields: inout FieldReader) -> [String]? {
        guard let elements = fields.array(key, count: 1...Self.limit) else { return nil }
        var engines: [String] = []
        for (index, element) in elements.enumerated() {
            guard let name = element.stringValue else {
                fields.fail(at: "\(fields.pointer(to: key))/\(index)", "must be the name of an engine, not \(element.kind)")
                continue
            }
            check(name, key, in: &fields)
            engines.append(name)
        }
        return engines
    }
}
