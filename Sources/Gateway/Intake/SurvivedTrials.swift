/// Messages whose trial this process has outlived, while the database could not be told: the next one of each is no new one.
struct SurvivedTrials {
    /// More are forgotten: then a trial counts that should not.
    static let capacity = 10_000

    private var digests: Set<[UInt8]> = []

    mutating func insert(_ digest: [UInt8]) {
        if digests.count < Self.capacity { digests.insert(digest) }
    }

    /// Whether it was in here.
    mutating func remove(_ digest: [UInt8]) -> Bool { digests.remove(digest) != nil }
}
