/// What a change made of a project, for its log.
extension ProjectRecord {
    /// Settings whose values the log may show. Of all others, such as `webhooks`, only the names: they may hold secrets.
    private static let plainSettings: Set<String> = [
        "engines", "strategy", "choose", "judge", "on_unknown", "max_concurrency", "budget", "retention_days",
    ]
    /// Bytes of a value that the log repeats; of a longer one it says only that it changed.
    private static let valueLimit = 500

    /// `fields`: what is different now. `changes`: from what, to what, where that is short and no secret.
    public func changes(to new: ProjectRecord) -> JSONValue {
        var fields: [String] = []
        var changes = JSONObject()
        func note(_ name: String, _ old: JSONValue, _ now: JSONValue, isPlain: Bool = true) {
            guard old != now else { return }
            fields.append(name)
            guard isPlain, old.serialized().count + now.serialized().count <= Self.valueLimit else { return }
            changes[name] = ["from": old, "to": now]
        }
        note("project_name", .string(name), .string(new.name))
        note("project_description", JSONValue(description), JSONValue(new.description))
        note("priority", .number(JSONNumber(priority)), .number(JSONNumber(new.priority)))
        note("deadline", JSONValue(deadline), JSONValue(new.deadline))
        note("metadata", metadata ?? .null, new.metadata ?? .null, isPlain: false)
        let (was, now) = (settings?.objectValue ?? JSONObject(), new.settings?.objectValue ?? JSONObject())
        for key in Set(was.keys).union(now.keys).sorted() {
            note("settings.\(key)", was[key] ?? .null, now[key] ?? .null, isPlain: Self.plainSettings.contains(key))
        }
        return ["fields": .array(fields.map { .string($0) }), "changes": .object(changes)]
    }
}
