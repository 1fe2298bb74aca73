public import Domain

/// One engine as operators describe it: in the engines file and in the `engines` table.
public struct EngineDefinition: Sendable, Hashable {
    /// What tasks name.
    public var name: String
    public var engineType: EngineType
    public var baseURL: EngineURL
    /// The model of tasks that name none.
    public var model: String
    /// nil for an engine that asks for no key.
    public var secret: SecretReference?
    /// Answers are asked for as streams; false for an engine that cannot.
    public var streams: Bool
    public var limits: EngineLimits
    public var price: EnginePrice?

    public init(
        name: String, engineType: EngineType = .openai, baseURL: EngineURL, model: String, secret: SecretReference? = nil,
        streams: Bool = true, limits: EngineLimits = EngineLimits(), price: EnginePrice? = nil
    ) {
        self.name = name
        self.engineType = engineType
        self.baseURL = baseURL
        self.model = model
        self.secret = secret
        self.streams = streams
        self.limits = limits
        self.price = price
    }

    /// Reads what ``json`` gave, or what a person wrote; all faults are told at once.
    public init(json: JSONValue) throws(EngineDefinitionError) {
        self = try Self.read(json, at: "").get()
    }

    public var json: JSONValue {
        var object: JSONObject = [
            "name": .string(name), "engine_type": .string(engineType.rawValue), "base_url": .string(baseURL.description),
            "model": .string(model), "limits": limits.json,
        ]
        object["secret"] = secret.map { .string($0.description) }
        if !streams { object["stream"] = false }
        object["price"] = price?.json
        return .object(object)
    }

    static func read(_ json: JSONValue, at pointer: String) -> Result<EngineDefinition, EngineDefinitionError> {
        guard let object = json.objectValue else {
            return .failure(EngineDefinitionError(errors: [FieldError(pointer: pointer, detail: "must be an object, not \(json.kind)")]))
        }
        var reader = FieldReader(object, at: pointer)
        for key in ["name", "engine_type", "base_url", "model"] { reader.require(key) }
        let name = reader.name("name")
        let type = reader.oneOf("engine_type", EngineType.allCases.map(\.rawValue)).flatMap(EngineType.init(rawValue:))
        let url = reader.engineURL("base_url")
        let model = reader.string("model", length: 1...200)
        let secret = reader.secretReference("secret")
        let streams = reader.boolean("stream") ?? true
        let limits = reader.nested("limits") { EngineLimits(&$0) } ?? EngineLimits()
        let price = reader.nested("price") { EnginePrice(&$0) }
        reader.refuseClearSecrets()
        reader.finish()
        guard reader.errors.isEmpty, let name, let type, let url, let model else {
            return .failure(EngineDefinitionError(errors: reader.errors))
        }
        return .success(
            EngineDefinition(
                name: name, engineType: type, baseURL: url, model: model, secret: secret, streams: streams, limits: limits, price: price))
    }
}

/// What is wrong with an engine's definition, field by field.
public struct EngineDefinitionError: Error, Sendable, Hashable, CustomStringConvertible {
    public let errors: [FieldError]

    public var description: String {
        errors.map { "\($0.pointer) \($0.detail)" }.joined(separator: "; ")
    }
}
