import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage

/// Programs that pass bytes on to each other, as a shell's `a | b | c`; what the last one writes comes here piece by piece.
///
/// Each gets exactly the environment meant for it. All of them end when one fails: who writes to a closed pipe is stopped by the kernel.
struct ToolPipeline: Sendable {
    struct Tool: Sendable {
        var executable: String
        var arguments: [String]
        var environment: [String: String] = [:]

        var name: String { executable.split(separator: "/").last.map(String.init) ?? executable }
    }

    var tools: [Tool]
    var input = Input.none

    /// What the first one reads.
    enum Input: Sendable {
        case none
        case path(String)
        /// Closed here when the tool has it.
        case descriptor(FileDescriptor)

        func open() throws -> FileDescriptor {
            switch self {
            case .none: try FileDescriptor.open("/dev/null", .readOnly, options: [.closeOnExec])
            case .path(let path): try FileDescriptor.open(path, .readOnly, options: [.closeOnExec])
            case .descriptor(let descriptor): descriptor
            }
        }
    }

    /// Runs all of them to their end.
    ///
    /// - Parameter consume: gets the last one's output in order; what it throws ends them all.
    /// - Throws: `OperationsError` with the last words of the first tool that failed.
    func run(_ consume: (UnsafeRawBufferPointer) throws -> Void = { _ in }) async throws {
        let words = try WordsOfTools(count: tools.count)
        defer { words.remove() }
        var input = try self.input.open()
        do {
            try await withThrowingTaskGroup { group in
                for (index, tool) in tools.dropLast().enumerated() {
                    let pipe = try FileDescriptor.pipe()
                    // Only the two that are meant may hold an end, or its close would not be seen.
                    for end in [pipe.readEnd, pipe.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
                    let source = input
                    input = pipe.readEnd
                    let errors = try words.open(index)
                    group.addTask { try await Self.run(tool, from: source, into: pipe.writeEnd, errors: errors) }
                }
                if let last = tools.last {
                    try await Self.run(last, from: input, errors: try words.open(tools.count - 1), consume)
                }
                try await group.waitForAll()
            }
        } catch let failure as ToolFailure {
            throw words.error(for: tools, failure)
        }
    }

    private static func run(_ tool: Tool, from input: FileDescriptor, into output: FileDescriptor, errors: FileDescriptor) async throws {
        let result = try await Subprocess.run(
            configuration(tool), input: .fileDescriptor(input, closeAfterSpawningProcess: true),
            output: .fileDescriptor(output, closeAfterSpawningProcess: true),
            error: .fileDescriptor(errors, closeAfterSpawningProcess: true))
        guard result.terminationStatus.isSuccess else { throw ToolFailure(tool: tool.name, status: "\(result.terminationStatus)") }
    }

    private static func run(
        _ tool: Tool, from input: FileDescriptor, errors: FileDescriptor, _ consume: (UnsafeRawBufferPointer) throws -> Void
    ) async throws {
        let result = try await Subprocess.run(
            configuration(tool), input: .fileDescriptor(input, closeAfterSpawningProcess: true), output: .sequence,
            error: .fileDescriptor(errors, closeAfterSpawningProcess: true)
        ) { execution in
            for try await buffer in execution.standardOutput { try buffer.withUnsafeBytes(consume) }
        }
        guard result.terminationStatus.isSuccess else { throw ToolFailure(tool: tool.name, status: "\(result.terminationStatus)") }
    }

    private static func configuration(_ tool: Tool) -> Configuration {
        let environment = ServerProgram.baseEnvironment.merging(tool.environment) { $1 }
        return Configuration(
            executable: .path(FilePath(tool.executable)), arguments: Arguments(tool.arguments),
            environment: .custom(Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })))
    }
}

/// How a tool ended that did not end well.
private struct ToolFailure: Error {
    var tool: String
    var status: String
}

/// What each tool writes to standard error: files without anything else in them, gone at the end.
private struct WordsOfTools {
    private let folder: String

    init(count: Int) throws {
        var template = Array("\(ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp")/chorus-tools-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw OperationsError.system("cannot make a temporary folder") }
        folder = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }

    func open(_ index: Int) throws -> FileDescriptor {
        try FileDescriptor.open(
            "\(folder)/\(index)", .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
    }

    /// Names the first tool that says something: those behind it only saw their input end.
    func error(for tools: [ToolPipeline.Tool], _ failure: ToolFailure) -> OperationsError {
        for (index, tool) in tools.enumerated() {
            let words = ProcessLog(path: "\(folder)/\(index)").tail(lines: 4)
            if !words.isEmpty { return OperationsError(.processFailed, "\(tool.name): \(words.prefix(1_000))") }
        }
        return OperationsError(.processFailed, "\(failure.tool) \(failure.status)")
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}
