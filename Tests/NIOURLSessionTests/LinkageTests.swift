import Glibc
import Testing

@testable import NIOURLSession

@Suite(.timeLimit(.minutes(1))) struct LinkageTests {
    /// What is mapped into this process is what `ldd` shows, and what was loaded later.
    @Test func noLibcurlIsLoaded() throws {
        let maps = try #require(fopen("/proc/self/maps", "r"))
        defer { fclose(maps) }
        var line = [CChar](repeating: 0, count: 4_096)
        while fgets(&line, Int32(line.count), maps) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            #expect(!text.contains("libcurl") && !text.contains("FoundationNetworking"), "\(text)")
        }
    }
}
