extension Problem {
    /// The same for a body that holds a task a line: each detail names the line with which its pointer begins.
    public var namingLines: Problem {
        var problem = self
        problem.errors = errors.map(\.namingItsLine)
        return problem
    }
}

extension FieldError {
    fileprivate var namingItsLine: FieldError {
        let line = pointer.dropFirst().prefix { $0 != "/" }
        return line.isEmpty ? self : FieldError(pointer: pointer, detail: "line \(line): \(detail)")
    }
}
