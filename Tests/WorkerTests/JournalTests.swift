import Domain
import Foundation
import Logging
import Store
import TestSupport
import Testing

@testable import Worker

@Suite struct JournalFormatTests {
    private static let payloads: [[UInt8]] = [Array("first".utf8), [], Array(repeating: 7, count: 1_000)]
    private static let file = payloads.flatMap(JournalFormat.record)

    @Test func readsWhatWasWritten() {
        #expect(JournalFormat.read(Self.file) == .init(payloads: Self.payloads, validSize: Self.file.count, strayBytes: 0))
        #expect(JournalFormat.read([]) == .init())
    }

    /// The check value of CRC-32 (ISO 3309).
    @Test func sumsLikeZlib() {
        #expect(CRC32.checksum([], Array("123456789".utf8)[...]) == 0xCBF4_3926)
        #expect(CRC32.checksum(Array("1234".utf8), Array("56789".utf8)[...]) == 0xCBF4_3926)
    }

    @Test func aTornTailEndsTheFile() {
        let whole = Self.file.count - 1_000 - JournalFormat.headerSize
        for size in whole..<Self.file.count {
            let contents = JournalFormat.read(Array(Self.file.prefix(size)))
            #expect(contents == .init(payloads: Array(Self.payloads.prefix(2)), validSize: whole, strayBytes: size - whole))
        }
    }

    /// Whatever byte is damaged, nothing wrong is read and nothing crashes.
    @Test func aDamagedRecordIsNotRead() {
        for position in Self.file.indices {
            var file = Self.file
            file[position] ^= 0x40
            let contents = JournalFormat.read(file)
            #expect(contents.payloads == Array(Self.payloads.prefix(contents.payloads.count)))
            #expect(contents.payloads.count < Self.payloads.count)
            #expect(contents.validSize + contents.strayBytes == file.count)
        }
    }

    @Test func aHugeLengthIsNoRecord() {
        #expect(JournalFormat.read([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 1, 2, 3]).strayBytes == 11)
    }
}

@Suite(.timeLimit(.minutes(1))) struct JournalTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private static func entry(_ outcome: TaskOutcome) -> JournalEntry {
        JournalEntry(
            settlement: Settlement(
                taskID: .v7(), attempt: 3, outcome: outcome,
                calls: [
                    CallOutcome(
                        resultID: .v7(), status: .completed, output: ["text": "é\n"], processingTime: 12, tokenUsage: ["total_tokens": 3],
                        confidence: 0.75, isChosen: true),
                    CallOutcome(resultID: .v7(), status: .unknown, output: [:], processingTime: 0, tokenUsage: nil),
                ]), workerID: .v7())
    }

    private static let entries = [
        entry(.completed(output: ["text": "hello", "n": 0.10])), entry(.failed(message: "no")),
        entry(.retrying(message: "later", delay: .milliseconds(1_500), spendsRetry: true)),
    ]

    @Test func entriesSurviveTheirText() throws {
        for entry in Self.entries {
            let read = try #require(JournalEntry(json: try JSONValue(parsing: entry.json.serialized())))
            #expect(read.json == entry.json)
            #expect(read.workerID == entry.workerID && read.settlement.taskID == entry.settlement.taskID)
            #expect(read.settlement.calls.map(\.status) == [.completed, .unknown])
            #expect(read.settlement.calls.map(\.confidence) == [0.75, nil] && read.settlement.calls.map(\.isChosen) == [true, nil])
        }
        #expect(JournalEntry(json: ["worker_id": "x"]) == nil)
        var strange = Self.entries[0].json.objectValue ?? [:]
        strange["outcome"] = ["status": "ascended"]
        #expect(JournalEntry(json: .object(strange)) == nil)
    }

    @Test func keepsEntriesThroughTheEndOfItsProcess() async throws {
        let folder = try await TestFolder.fresh("journal") + "/worker"
        try await Self.append(Self.entries, to: folder, logger)
        let path = "\(folder)/journal"
        // A crash tore the last record.
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes.append(contentsOf: JournalFormat.record(Array("{}".utf8)).dropLast())
        try bytes.write(to: URL(filePath: path))

        let journal = try await Journal(folder: folder, logger: logger)
        let found = await journal.takeFound()
        #expect(found.map(\.json) == Self.entries.map(\.json))
        #expect(await journal.takeFound().isEmpty, "they are taken once")
        #expect(FileManager.default.fileExists(atPath: "\(path).damaged"))
        try await journal.append([Self.entries[0]])
        try await journal.settle(3)
        #expect(try Data(contentsOf: URL(filePath: path)).count > 0, "one is still owed")
        try await journal.settle(1)
        #expect(try Data(contentsOf: URL(filePath: path)).isEmpty)
    }

    private static func append(_ entries: [JournalEntry], to folder: String, _ logger: Logger) async throws {
        let journal = try await Journal(folder: folder, logger: logger)
        #expect(await journal.takeFound().isEmpty)
        try await journal.append(entries)
    }

    @Test func isBounded() async throws {
        let journal = try await Journal(folder: try await TestFolder.fresh("journal"), limit: 1_000, logger: logger)
        var count = 0
        while !journal.isFull {
            try await journal.append([Self.entries[1]])
            count += 1
        }
        #expect(count >= 2)
        await #expect(throws: Journal.Failure.self) { try await journal.append(Array(repeating: Self.entries[0], count: 10)) }
        try await journal.settle(count)
        #expect(!journal.isFull)
        try await journal.append([Self.entries[1]])
    }

    @Test func aFolderServesOneWorker() async throws {
        let folder = try await TestFolder.fresh("journal")
        let journal = try await Journal(folder: folder, logger: logger)
        await #expect(throws: Journal.Failure.self) { try await Journal(folder: folder, logger: logger) }
        _ = await journal.takeFound()
    }
}

@Suite struct LeaseTermTests {
    private let worker = WorkerIdentity(name: "w", host: "h", processID: 1, version: "0", concurrency: 1)
    private let start = ContinuousClock.now

    @Test func endsOnTime() {
        var term = LeaseTerm(length: .seconds(15))
        #expect(term.holder(at: start) == nil)
        term.begin(worker, at: start)
        #expect(term.holder(at: start + .seconds(14)) == worker)
        let early = term.expire(at: start + .seconds(14))
        #expect(early == nil)
        let isRenewed = term.renew(worker, at: start + .seconds(5))
        #expect(isRenewed)
        #expect(term.holder(at: start + .seconds(19)) == worker)
        #expect(term.holder(at: start + .seconds(20)) == nil, "others may take it for dead now")
        let expired = [term.expire(at: start + .seconds(20)), term.expire(at: start + .seconds(21))]
        #expect(expired == [worker, nil], "told once")
    }

    /// An answer that comes after the end does not bring the worker back: its calls are stopped already.
    @Test func doesNotComeBack() {
        var term = LeaseTerm(length: .seconds(15))
        term.begin(worker, at: start)
        _ = term.expire(at: start + .seconds(15))
        let isBack = term.renew(worker, at: start + .seconds(16))
        #expect(!isBack)
        #expect(term.holder(at: start + .seconds(16)) == nil)
        let next = WorkerIdentity(name: "w", host: "h", processID: 1, version: "0", concurrency: 1)
        term.begin(next, at: start + .seconds(17))
        let (isRenewed, hasEnded) = (term.renew(worker, at: start + .seconds(18)), term.end(worker))
        #expect(!isRenewed && !hasEnded)
        #expect(term.holder(at: start + .seconds(18)) == next)
        let ends = [term.end(next), term.end(next)]
        #expect(ends == [true, false], "told once")
    }

    @Test func anOldAnswerDoesNotShortenIt() {
        var term = LeaseTerm(length: .seconds(15))
        term.begin(worker, at: start + .seconds(5))
        let isRenewed = term.renew(worker, at: start)
        #expect(isRenewed)
        #expect(term.holder(at: start + .seconds(19)) == worker)
    }
}
