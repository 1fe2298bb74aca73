extension String {
    /// The text itself, or its first characters with a sign that there were more.
    func cut(to limit: Int) -> String { count > limit ? "\(prefix(limit))…" : self }
}
