import FoundationEssentials
import Testing

@testable import Engines

@Suite(.timeLimit(.minutes(1))) struct SecretTests {
    @Test func aSecretNeverShowsItself() {
        let secret = Secret("sk-verysecret")
        var dumped = ""
        dump([secret], to: &dumped)
        for text in ["\(secret)", String(describing: secret), String(reflecting: secret), "\([secret])", dumped] {
            #expect(!text.contains("verysecret"), "\(text)")
        }
        #expect(secret.redacted(from: "key sk-verysecret, key sk-verysecret.") == "key [redacted], key [redacted].")
    }

    @Test(arguments: ["", "sk-x", "env:", "env:1A", "env:A-B", "credential:", "credential:../etc/passwd", "credential:.hidden", "file:x"])
    func whatIsNoReferenceIsNone(text: String) {
        #expect(SecretReference(text) == nil)
    }

    @Test func secretsComeFromTheEnvironmentAndFromFiles() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "secrets-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try Data("from-file\n".utf8).write(to: directory.appending(path: "KEY"))
        try Data().write(to: directory.appending(path: "EMPTY"))
        let source = SecretSource(environment: ["A": " from-environment ", "B": "two\nlines", "CREDENTIALS_DIRECTORY": directory.path])
        #expect(try source.resolve(.environment("A")).revealed == "from-environment")
        #expect(try source.resolve(.credential("KEY")).revealed == "from-file")
        #expect(reason(source, .environment("C")) == "the environment variable C is not set")
        #expect(reason(source, .environment("B")) == "holds control characters, which no header can carry")
        #expect(reason(source, .credential("EMPTY")) == "is empty")
        #expect(reason(source, .credential("NONE"))?.hasSuffix("does not exist") == true)
        #expect(reason(SecretSource(environment: [:]), .credential("KEY"))?.hasPrefix("CREDENTIALS_DIRECTORY is not set") == true)
    }

    private func reason(_ source: SecretSource, _ reference: SecretReference) -> String? {
        do {
            _ = try source.resolve(reference)
            return nil
        } catch {
            return error.reason
        }
    }
}
