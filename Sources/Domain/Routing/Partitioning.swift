public import FoundationEssentials

/// How projects spread over queues: all tasks of a project use one partition, and partitions spread over broker nodes and cores.
///
/// Only load depends on the count. It may differ between processes for a while: a worker consumes the queues that it knows, the
/// dispatcher publishes to those that it knows, and what no worker consumes is found again in the database.
public struct Partitioning: Sendable, Hashable {
    public static let standard = Partitioning(count: 8)

    /// 1 to 256.
    public let count: Int

    public init(count: Int) { self.count = min(max(count, 1), 256) }

    public var indices: Range<Int> { 0..<count }

    /// FNV-1a (64 bit) over the id's bytes, modulo the count: stable over processes, machines and releases.
    public func partition(of projectID: UUID) -> Int {
        let hash = withUnsafeBytes(of: projectID.uuid) { bytes in
            bytes.reduce(into: 0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
        }
        return Int(hash % UInt64(count))
    }
}
