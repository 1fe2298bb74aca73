import Domain

extension FieldReader {
    /// A name that stands well in URLs, labels and YAML.
    mutating func name(_ key: String) -> String? {
        guard let name = string(key, length: 1...50) else { return nil }
        let allowed = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        }
        guard allowed else {
            fail(key, "may have letters, digits, '-', '_' and '.' only")
            return nil
        }
        return name
    }

    mutating func engineURL(_ key: String) -> EngineURL? {
        guard let text = string(key, length: 1...2_000) else { return nil }
        do {
            return try EngineURL(text)
        } catch {
            fail(key, error.reason)
            return nil
        }
    }

    mutating func boolean(_ key: String) -> Bool? {
        guard let value = value(key) else { return nil }
        guard let boolean = value.boolValue else {
            fail(key, "must be true or false, not \(value.kind)")
            return nil
        }
        return boolean
    }

    /// A reference to a secret. What is refused may be the secret itself, so the error does not show it.
    mutating func secretReference(_ key: String) -> SecretReference? {
        guard let value = value(key) else { return nil }
        guard let reference = value.stringValue.flatMap(SecretReference.init) else {
            fail(key, SecretReference.advice)
            return nil
        }
        return reference
    }

    /// Gives better advice than "not a known field" to those who look for the place to write a secret in.
    mutating func refuseClearSecrets() {
        for key in ["api_key", "apikey", "key", "token", "password"] where value(key) != nil {
            fail(key, "is not a known field; the field 'secret' " + SecretReference.advice)
        }
    }

    mutating func nested<Value>(_ key: String, _ read: (inout FieldReader) -> Value) -> Value? {
        guard let object = object(key) else { return nil }
        var reader = FieldReader(object, at: pointer(to: key))
        let value = read(&reader)
        append(reader.errors)
        return value
    }
}
