/// One of `projects.settings.webhooks`: where events are posted, and which. Its secret is never part of it.
public struct WebhookSetting: Sendable, Hashable {
    public var url: WebhookURL
    public var names: Set<EventName>
    /// Raised by whoever wants another secret; see `WebhookSigning`.
    public var secretVersion: Int

    /// Webhooks of one project.
    static let most = 10
    static let versions = 1...1_000_000

    /// Reads the field `webhooks` of a project's settings; what is wrong is left in `reader`.
    static func check(_ reader: inout FieldReader) {
        let elements = reader.array("webhooks", count: 0...most) ?? []
        var urls: Set<String> = []
        for (index, element) in elements.enumerated() {
            let pointer = "\(reader.pointer(to: "webhooks"))/\(index)"
            guard let object = element.objectValue else {
                reader.fail(at: pointer, "must be an object, not \(element.kind)")
                continue
            }
            var fields = FieldReader(object, at: pointer)
            fields.require("url")
            if let text = fields.string("url", length: WebhookURL.lengths) {
                if WebhookURL(text) == nil {
                    fields.fail("url", "must be an https:// or http:// URL without user, password and fragment")
                } else if !urls.insert(text).inserted {
                    fields.fail("url", "is another webhook's")
                }
            }
            fields.require("events")
            for (position, name) in (fields.array("events", count: 1...EventName.allCases.count) ?? []).enumerated()
            where name.stringValue.flatMap(EventName.init) == nil {
                fields.fail(
                    at: "\(fields.pointer(to: "events"))/\(position)",
                    "must be one of \(EventName.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            _ = fields.integer("secret_version", in: versions)
            if object["secret"] != nil {
                _ = fields.value("secret")
                fields.fail("secret", "is made by the server: read it at /v1/projects/{project_id}/webhooks")
            }
            fields.finish()
            reader.append(fields.errors)
        }
    }

    /// Reads what the database holds of `settings.webhooks`.
    public static func list(stored value: JSONValue?) -> [WebhookSetting] {
        (value?.arrayValue ?? []).prefix(most).compactMap { element in
            guard let url = element["url"]?.stringValue.flatMap(WebhookURL.init) else { return nil }
            let names = (element["events"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap(EventName.init) }
            return WebhookSetting(url: url, names: Set(names), secretVersion: element["secret_version"]?.intValue ?? 1)
        }
    }
}
