import Domain
import Testing

@testable import Gateway

/// What an upload keeps in memory, and what goes to the database at once.
@Suite struct UploadHeadTests {
    private static func task(_ text: String) throws -> NewTask {
        try NewTask(reading: JSONValue(parsing: text), knownEngines: EngineNames([]))
    }

    private static func head(of task: NewTask) -> UploadHead {
        var head = UploadHead()
        while !head.isFull { head.add(task) }
        return head
    }

    @Test func isFullOfTasks() throws {
        let head = Self.head(of: try Self.task(GatewayTests.task))
        #expect(head.batches.map(\.tasks.count) == Array(repeating: UploadBatch.sizeLimit, count: 8))
        let family = try Self.task(#"{"task_type":"group","children":[{"task_type":"group"},{"task_type":"group"}]}"#)
        #expect(Self.head(of: family).batches.reduce(0) { $0 + $1.tasks.count } == (UploadHead.sizeLimit + 2) / 3)
    }

    /// Long texts, and short ones that are many values, fill it before there are many tasks.
    @Test func isFullOfBytes() throws {
        let long = try Self.task(#"{"task_type":"chat","input_data":{"prompt":"\#(String(repeating: "x", count: 1 << 20))"}}"#)
        #expect(Self.head(of: long).batches.map(\.tasks.count) == [4, 4, 4, 4])
        let values = Array(repeating: #"{"":0}"#, count: 10_000).joined(separator: ",")
        let dense = try Self.task(#"{"task_type":"group","metadata":{"a":[\#(values)]}}"#)
        // 70 KB of text.
        #expect((1 << 20..<4 << 20).contains(dense.footprint), "\(dense.footprint)")
        #expect(Self.head(of: dense).batches.reduce(0) { $0 + $1.tasks.count } <= 16)
    }

    /// What waited gets ids of the moment in which it is stored, and a parent's still comes before its children's.
    @Test func idsAreOfTheMomentOfStoring() throws {
        let family = try Self.task(#"{"task_type":"group","children":[{"task_type":"group","children":[{"task_type":"group"}]}]}"#)
        let later = try Self.task(GatewayTests.task)
        let anew = family.identifiedAnew()
        var ids = [later.id]
        var next: NewTask? = anew
        while let task = next {
            ids.append(task.id)
            next = task.children?.first
        }
        #expect(ids.count == 4 && ids.map(\.text) == ids.map(\.text).sorted())
        #expect(anew.family.map(\.type) == family.family.map(\.type))
    }
}
