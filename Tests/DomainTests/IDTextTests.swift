import Foundation
import Testing

@testable import Domain

@Suite struct IDTextTests {
    @Test func aTextIsTheOneOfFoundation() {
        for _ in 0..<1_000 {
            let id = UUID()
            #expect(id.text == id.uuidString.lowercased())
            #expect(UUID(text: id.text) == id)
            #expect(UUID(text: id.uuidString) == id)
        }
        #expect(UUID(text: "00000000-0000-0000-0000-000000000000")?.text == "00000000-0000-0000-0000-000000000000")
        #expect(UUID(text: "ffffffff-FFFF-ffff-FFFF-ffffffffffff")?.text == "ffffffff-ffff-ffff-ffff-ffffffffffff")
    }

    /// Their random bits are fetched many at a time, for all that ask: nobody gets those of another.
    @Test func noIDIsMadeTwice() async {
        let ids = await withTaskGroup(of: [UUID].self) { group in
            for _ in 0..<8 { group.addTask { (0..<10_000).map { _ in UUID.v7(at: Date(timeIntervalSince1970: 0)) } } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(ids).count == 80_000)
    }

    /// Tasks of one array run in the order in which they stand in it, and parents sort before their children.
    @Test func idsSortInTheOrderTheyAreMadeIn() async {
        let groups = await withTaskGroup(of: [UUID].self) { group in
            for _ in 0..<4 { group.addTask { (0..<50_000).map { _ in UUID.v7() } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for ids in groups { #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }) }
        #expect(Set(groups.joined().map { $0.text.prefix(18) }).count == 200_000)
    }

    /// A clock that was years ahead for a moment does not stay so.
    @Test func aClockThatWasWrongIsNotFollowed() {
        let step = IDClock.longestStep
        #expect(IDClock.following(5, at: 7) == 7 && IDClock.following(7, at: 7) == 8)
        #expect(IDClock.following(9 + step, at: 9) == 10 + step)
        #expect(IDClock.following(10 + step, at: 9) == 9)
    }

    /// No character can be another one, be left out or stand elsewhere.
    @Test func whatIsNoIDIsRefused() {
        let text = "01a2192f-818d-7254-9b4a-8d3498617e62"
        for index in text.indices {
            for other in ["g", "G", "-", " ", "/", ":", "@", "`", "ü", "\0"] where other != String(text[index]) {
                #expect(UUID(text: text.replacingCharacters(in: index...index, with: other)) == nil)
            }
            #expect(UUID(text: text.replacingCharacters(in: index...index, with: "")) == nil)
            #expect(UUID(text: String(text[..<index])) == nil)
        }
        for text in ["", text + "0", " \(text)", "{\(text)}", text.replacing("-", with: "")] { #expect(UUID(text: text) == nil) }
    }
}
