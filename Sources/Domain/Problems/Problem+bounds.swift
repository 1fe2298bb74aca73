extension Problem {
    /// The problem with so few words that its JSON has at most `size` bytes: the first errors, of each the beginning. For where a sender's
    /// own words, which may be long, come back in a place that is small.
    public func bounded(to size: Int) -> Problem {
        var problem = self
        problem.detail = detail.map { Self.beginning(of: $0, 1_000) }
        problem.errors = errors.prefix(20).map {
            FieldError(pointer: Self.beginning(of: $0.pointer, 200), detail: Self.beginning(of: $0.detail, 300))
        }
        while problem.json.serialized().count > size, !problem.errors.isEmpty { problem.errors.removeLast() }
        if problem.json.serialized().count > size { problem.detail = nil }
        return problem
    }

    private static func beginning(of text: String, _ count: Int) -> String {
        let scalars = text.unicodeScalars
        guard scalars.count > count else { return text }
        return String(String.UnicodeScalarView(scalars.prefix(count))) + "…"
    }
}
