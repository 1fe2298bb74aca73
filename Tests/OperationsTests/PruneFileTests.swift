import Foundation
import TestSupport
import Testing

@testable import Operations

/// The file that pruned tasks go into.
@Suite(.timeLimit(.minutes(1))) struct PruneFileTests {
    private static func file(_ text: String? = nil) async throws -> String {
        let path = "\(try await TestFolder.fresh("prune"))/tasks.ndjson"
        if let text { try Data(text.utf8).write(to: URL(filePath: path)) }
        return path
    }

    private static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test(arguments: [
        ("", ""), ("{}\n", "{}\n"), ("{}\n{\"a\": ", "{}\n"), ("{\"a\": ", ""),
        ("{}\n" + String(repeating: "x", count: 200_000), "{}\n"),
    ])
    func aLineThatWasCutOffGoes(before: String, after: String) async throws {
        let path = try await Self.file(before)
        let file = try PruneFile(path)
        #expect(try Self.text(path) == after)
        try file.append("{\"b\": 1}")
        try file.seal()
        #expect(try Self.text(path) == after + "{\"b\": 1}\n")
    }

    @Test func linesOfTasksThatStayAreTakenBack() async throws {
        let path = try await Self.file()
        let file = try PruneFile(path)
        let long = String(repeating: "y", count: 700_000)
        for line in [long, long] { try file.append(line) }
        try file.seal()
        file.keep()
        for line in [long, long, long] { try file.append(line) }
        try file.seal()
        #expect(try Self.text(path).utf8.count == 5 * 700_001)
        file.takeBack()
        #expect(try Self.text(path).utf8.count == 2 * 700_001)
        try file.append("{}")
        // Never written: nothing of it may come later.
        file.takeBack()
        try file.append("{\"last\": true}")
        try file.seal()
        #expect(try Self.text(path).hasSuffix("y\n{\"last\": true}\n"))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test func saysWhatItCannotOpen() async throws {
        let folder = try await TestFolder.fresh("prune")
        for path in [folder, "\(folder)/missing/tasks.ndjson", "/dev/full"] {
            #expect(throws: OperationsError.self) {
                let file = try PruneFile(path)
                try file.append("{}")
                try file.seal()
            }
        }
    }
}
