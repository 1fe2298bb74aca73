import Glibc

extension UnsafeRawBufferPointer {
    /// The first place of that byte in `range`, which lies within the buffer: many bytes at a look (memchr(3)).
    public func firstPlace(of byte: UInt8, in range: Range<Int>) -> Int? {
        guard let baseAddress, !range.isEmpty, let place = memchr(baseAddress + range.lowerBound, CInt(byte), range.count)
        else { return nil }
        return UnsafeRawPointer(place) - baseAddress
    }
}
