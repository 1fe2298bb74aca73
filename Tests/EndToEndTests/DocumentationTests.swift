import Foundation
import Testing

@testable import chorus

/// What the configuration files say is what the program does.
@Suite struct DocumentationTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func theSampleHoldsEveryKeyWithItsDefault() throws {
        let path = Self.root.appending(path: "config/chorus.yaml").path
        let sample = try ConfigurationSource(path: path, environment: [:])
        for key in ConfigurationKey.all {
            #expect(sample[key.name].text == key.standard, "\(key.name)")
            #expect(sample[key.name].place.hasPrefix(path), "\(key.name) is missing in the sample")
        }
    }
}
