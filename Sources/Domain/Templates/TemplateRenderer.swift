/// Renders templates from values, with one budget for all of them.
///
/// A name means the innermost value around it that has such a member. A section is left out for a missing value, null, false, 0, "" and an
/// empty array, goes once through each element of an array, and once through anything else. Objects and arrays have no text.
public struct TemplateRenderer: Sendable {
    private let context: JSONValue
    private var steps = 0
    private var bytes = 0

    public init(context: JSONValue) { self.context = context }

    public mutating func render(_ template: Template) throws(TemplateError) -> String {
        var output: [UInt8] = []
        try render(template.nodes, of: template, [context], into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private mutating func render(
        _ nodes: [Template.Node], of template: Template, _ stack: [JSONValue], into output: inout [UInt8]
    ) throws(TemplateError) {
        for node in nodes {
            steps += 1
            guard steps <= TemplateLimits.steps else { throw .tooLarge }
            switch node {
            case .text(let range): try write(template.bytes[range], into: &output)
            case .value(let name):
                switch Self.value(name, in: stack) {
                case .string(let text): try write(text.utf8, into: &output)
                case .number(let number): try write(number.literal.utf8, into: &output)
                case .bool(let value): try write((value ? "true" : "false").utf8, into: &output)
                case .null, .array, .object, nil: break
                }
            case .section(let name, let isInverted, let inner):
                let value = Self.value(name, in: stack)
                guard Self.isTruthy(value) != isInverted else { continue }
                if isInverted {
                    try render(inner, of: template, stack, into: &output)
                } else if case .array(let elements) = value {
                    for element in elements { try render(inner, of: template, stack + [element], into: &output) }
                } else if let value {
                    try render(inner, of: template, stack + [value], into: &output)
                }
            }
        }
    }

    private mutating func write(_ more: some Collection<UInt8>, into output: inout [UInt8]) throws(TemplateError) {
        bytes += more.count
        guard bytes <= TemplateLimits.renderedBytes else { throw .tooLarge }
        output.append(contentsOf: more)
    }

    private static func value(_ name: [String], in stack: [JSONValue]) -> JSONValue? {
        guard let first = name.first else { return stack.last }
        let found = stack.lazy.reversed().compactMap { $0[first] }.first
        return name.dropFirst().reduce(found) { value, part in value?[part] }
    }

    private static func isTruthy(_ value: JSONValue?) -> Bool {
        switch value {
        case nil, .null: false
        case .bool(let value): value
        case .number(let number): number.doubleValue != 0
        case .string(let text): !text.isEmpty
        case .array(let elements): !elements.isEmpty
        case .object: true
        }
    }
}
