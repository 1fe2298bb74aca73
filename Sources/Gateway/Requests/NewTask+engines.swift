import Domain

extension [NewTask] {
    /// A task that names no engine needs the fleet's default, or its project's choice: where no engine exists, nothing could run it. A
    /// group needs none.
    func requireEngines(_ knownEngines: EngineNames) throws(Problem) {
        guard knownEngines.names.isEmpty else { return }
        let detail = "no engine is configured: apply a file of engines with 'chorus engines apply'"
        let errors = flatMap(\.family).filter { $0.type != TaskType.group.rawValue }.prefix(100)
            .map { FieldError(pointer: "\($0.pointer)/input_data/engine", detail: detail) }
        guard errors.isEmpty else { throw .invalid(errors) }
    }
}
