import Domain
import Yams

/// A YAML text as a JSON value that knows on which line each part stands.
///
/// One validator then serves YAML and JSON: its errors name pointers, and pointers name lines here.
struct YAMLDocument {
    struct Failure: Error {
        var line: Int?
        var reason: String
    }

    /// Nodes converted; aliases that multiply ("billion laughs") end here.
    static let maxNodes = 100_000
    static let maxDepth = 32

    private(set) var value: JSONValue = .null
    /// Lines, counted from 1, by JSON pointer; a member's line is its key's.
    private(set) var lines: [String: Int] = [:]
    private var nodes = 0

    init(_ yaml: String) throws(Failure) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw Self.failure(error)
        }
        guard let root else { return }
        value = try convert(root, at: "", depth: 0)
    }

    /// The line of `pointer`, or of the nearest part around it.
    func line(of pointer: String) -> Int? {
        var pointer = pointer[...]
        while true {
            if let line = lines[String(pointer)] { return line }
            guard let slash = pointer.lastIndex(of: "/") else { return nil }
            pointer = pointer[..<slash]
        }
    }

    private mutating func convert(_ node: Node, at pointer: String, depth: Int) throws(Failure) -> JSONValue {
        nodes += 1
        guard nodes <= Self.maxNodes else { throw Failure(line: node.mark?.line, reason: "the file has more than \(Self.maxNodes) parts") }
        guard depth <= Self.maxDepth else { throw Failure(line: node.mark?.line, reason: "nested deeper than \(Self.maxDepth) levels") }
        if lines[pointer] == nil { lines[pointer] = node.mark?.line }
        switch node {
        case .scalar(let scalar): return Self.value(of: scalar)
        case .alias: throw Failure(line: node.mark?.line, reason: "an alias names no anchor")
        case .sequence(let sequence):
            var elements: [JSONValue] = []
            for element in sequence {
                elements.append(try convert(element, at: pointer + "/\(elements.count)", depth: depth + 1))
            }
            return .array(elements)
        case .mapping(let mapping):
            var object = JSONObject()
            for (key, element) in mapping {
                guard let name = key.scalar?.string else { throw Failure(line: key.mark?.line, reason: "a key must be a word") }
                let place = pointer + "/" + JSONPointer.escaped(name)
                lines[place] = key.mark?.line
                object[name] = try convert(element, at: place, depth: depth + 1)
            }
            return .object(object)
        }
    }

    /// Only what YAML 1.2's core schema calls so is a number, a boolean or null; `no` and `1_000` are words.
    private static func value(of scalar: Node.Scalar) -> JSONValue {
        let text = scalar.string
        guard scalar.style == .plain || scalar.style == .any else { return .string(text) }
        switch text {
        case "true": return true
        case "false": return false
        case "", "~", "null": return nil
        default: break
        }
        let isNumeric = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "+-.eE".utf8.contains(byte)
        }
        guard isNumeric else { return .string(text) }
        if let integer = Int(text) { return .number(JSONNumber(integer)) }
        if let number = Double(text).flatMap(JSONNumber.init) { return .number(number) }
        return .string(text)
    }

    /// The parser's words without its excerpt of the file, which may show a secret.
    private static func failure(_ error: any Error) -> Failure {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            Failure(line: mark.line, reason: problem)
        case YamlError.duplicatedKeysInMapping(let keys, let context):
            Failure(line: context.mark.line, reason: "keys stand twice: \(keys.sorted().joined(separator: ", "))")
        case YamlError.reader(let problem, _, _, _): Failure(line: nil, reason: problem)
        default: Failure(line: nil, reason: "the file is not YAML")
        }
    }
}
