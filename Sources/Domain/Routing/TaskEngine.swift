/// Which one engine a task needs, as `tasks.engine` holds it: so that a closed engine holds back its own tasks, and no others.
public enum TaskEngine {
    /// The task has a choice, or needs none: no one engine holds it back.
    public static let several = "*"
    /// The choice is left to the project, else to the fleet.
    public static let unnamed = ""

    /// What the column holds for a task of that input.
    public static func named(by input: JSONObject, type: String) -> String {
        if type == TaskType.group.rawValue { return several }
        if let engine = input["engine"]?.stringValue { return engine }
        let engines = input["engines"]?.arrayValue ?? []
        return engines.count > 1 ? several : engines.first?.stringValue ?? unnamed
    }
}
