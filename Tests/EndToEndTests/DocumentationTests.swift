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

    /// `  name: value  # live`
    @Test func theSampleMarksWhatAReloadTakesUp() throws {
        let text = try String(contentsOf: Self.root.appending(path: "config/chorus.yaml"), encoding: .utf8)
        var (section, marked): (Substring, [String]) = ("", [])
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let name = line.prefix { $0 != ":" }
            if !line.hasPrefix(" ") { section = name } else if line.hasSuffix("# live") { marked.append("\(section).\(name.dropFirst(2))") }
        }
        #expect(marked == ConfigurationKey.all.filter(\.isLive).map(\.name))
    }
}
