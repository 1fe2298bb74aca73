import Glibc

extension String {
    /// Whether the text holds a NUL character: as a C string it would end there.
    var holdsNUL: Bool {
        var text = self
        return text.withUTF8 { utf8 in
            guard let start = utf8.baseAddress, !utf8.isEmpty else { return false }
            return memchr(start, 0, utf8.count) != nil
        }
    }
}
