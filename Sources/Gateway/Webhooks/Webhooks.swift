import Domain

/// What an operator says of webhooks.
public struct Webhooks: Sendable {
    /// nil: there are none on this server.
    public var signing: WebhookSigning?
    public var targets: WebhookTargets

    public init(signing: WebhookSigning? = nil, targets: WebhookTargets = WebhookTargets()) {
        self.signing = signing
        self.targets = targets
    }

    /// Refuses settings that could not work: webhooks where there is no key to sign with, and addresses that may not be called. What a name
    /// leads to is looked at with each call.
    func check(_ settings: JSONObject?) throws(Problem) {
        let elements = settings?["webhooks"]?.arrayValue ?? []
        guard !elements.isEmpty else { return }
        guard signing != nil else {
            throw .invalid([
                FieldError(
                    pointer: "/settings/webhooks", detail: "cannot be used on this server: its operator has set no webhooks.signing_key")
            ])
        }
        let errors = elements.enumerated().compactMap { index, element -> FieldError? in
            guard let url = element["url"]?.stringValue.flatMap(WebhookURL.init), AddressRange(url.host) != nil, !targets.allows(url.host)
            else { return nil }
            return FieldError(pointer: "/settings/webhooks/\(index)/url", detail: "names an address that webhooks may not be posted to")
        }
        guard errors.isEmpty else { throw .invalid(errors) }
    }
}
