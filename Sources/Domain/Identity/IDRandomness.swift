import Glibc
import Synchronization

/// Random numbers for ids, fetched from the kernel 32 at a time: a batch of tasks makes no system call for each.
///
/// As hard to guess as the kernel's own. They lie in memory before and behind their use, so that secrets take theirs elsewhere.
struct IDRandomness: RandomNumberGenerator {
    private static let fetched = Mutex<[UInt64]>([])

    func next() -> UInt64 {
        Self.fetched.withLock { numbers in
            if numbers.isEmpty { numbers = Self.fetch() }
            return numbers.popLast() ?? .random(in: .min ... .max)
        }
    }

    /// As many as may be asked for at once: 256 bytes (getentropy(3)); none where the kernel has none.
    private static func fetch() -> [UInt64] {
        let size = 256
        return Array(unsafeUninitializedCapacity: size / MemoryLayout<UInt64>.stride) { numbers, count in
            count = numbers.baseAddress.map { getentropy($0, size) } == 0 ? numbers.count : 0
        }
    }
}
