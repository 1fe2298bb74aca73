import Domain
import FoundationEssentials

/// The engines file: the list that `engines apply` writes to the database.
public struct EnginesFile: Sendable, Hashable {
    /// Bytes of the file; more is some other file.
    static let maxBytes = 1 << 20
    static let maxEngines = 1_000

    public let engines: [EngineDefinition]
    /// The engine of tasks and projects that name none; the first one unless the file says `default: NAME`.
    public let defaultEngine: String

    /// - Parameter hosts: where its engines may be.
    public init(path: String, hosts: EngineHosts = .any) throws(EnginesFileError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            throw EnginesFileError(file: path, faults: [.init(line: nil, text: "the file does not exist")])
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw EnginesFileError(file: path, faults: [.init(line: nil, text: "this process may not read the file")])
        } catch {
            throw EnginesFileError(file: path, faults: [.init(line: nil, text: "the file cannot be read")])
        }
        guard data.count <= Self.maxBytes else {
            throw EnginesFileError(file: path, faults: [.init(line: nil, text: "the file has more than \(Self.maxBytes) bytes")])
        }
        guard let yaml = String(validating: data, as: UTF8.self) else {
            throw EnginesFileError(file: path, faults: [.init(line: nil, text: "the file is not UTF-8")])
        }
        try self.init(yaml: yaml, file: path, hosts: hosts)
    }

    /// - Parameter file: the name that errors show.
    public init(yaml: String, file: String, hosts: EngineHosts = .any) throws(EnginesFileError) {
        let document: YAMLDocument
        do {
            document = try YAMLDocument(yaml)
        } catch {
            throw EnginesFileError(file: file, faults: [.init(line: error.line, text: error.reason)])
        }
        guard let root = document.value.objectValue else {
            throw EnginesFileError(file: file, faults: [.init(line: 1, text: "must begin with 'engines:' and a list")])
        }
        var reader = FieldReader(root)
        reader.require("engines")
        let list = reader.array("engines", count: 1...Self.maxEngines) ?? []
        let named = reader.name("default")
        reader.finish()

        var engines: [EngineDefinition] = []
        for (index, element) in list.enumerated() {
            let pointer = "/engines/\(index)"
            switch EngineDefinition.read(element, at: pointer) {
            case .failure(let error): reader.append(error.errors)
            case .success(let engine):
                if engines.contains(where: { $0.name == engine.name }) {
                    reader.append([FieldError(pointer: pointer + "/name", detail: "'\(engine.name)' stands twice")])
                }
                if let refusal = hosts.refusal(of: engine.baseURL) {
                    reader.append([FieldError(pointer: pointer + "/base_url", detail: refusal)])
                }
                engines.append(engine)
            }
        }
        if let named, !engines.contains(where: { $0.name == named }) {
            reader.fail("default", "must be one of \(engines.map(\.name).joined(separator: ", "))")
        }
        guard reader.errors.isEmpty, let first = engines.first else {
            let faults = reader.errors.map { error in
                EnginesFileError.Fault(line: document.line(of: error.pointer), text: "\(error.pointer.dropFirst()) \(error.detail)")
            }
            throw EnginesFileError(file: file, faults: faults)
        }
        self.engines = engines
        self.defaultEngine = named ?? first.name
    }
}
