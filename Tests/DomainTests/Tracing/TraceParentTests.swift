import Domain
import Testing

@Suite struct TraceParentTests {
    private static let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func readsWhatItWrites() throws {
        let parent = try #require(TraceParent(Self.text))
        #expect(parent.text == Self.text && parent.isSampled)
        #expect(parent.traceText == "4bf92f3577b34da6a3ce929d0e0e4736" && parent.spanText == "00f067aa0ba902b7")
        #expect(TraceParent(Self.text.dropLast() + "2")?.isSampled == false)
        // A later version may say more.
        #expect(TraceParent("cc" + Self.text.dropFirst(2) + "-what-the-future-brings")?.traceText == parent.traceText)
    }

    @Test(
        "Refuses what is none",
        arguments: [
            "", "00", "----", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", "é-é-é-é",
        ])
    func refuses(_ text: String) { #expect(TraceParent(text) == nil) }

    @Test func makesIDs() {
        var generator = SystemRandomNumberGenerator()
        let root = TraceParent(traceID: nil, isSampled: true, using: &generator)
        let child = TraceParent(traceID: root.traceID, isSampled: true, using: &generator)
        #expect(child.traceID == root.traceID && child.spanID != root.spanID)
        #expect(TraceParent(child.text) == child)
    }
}
