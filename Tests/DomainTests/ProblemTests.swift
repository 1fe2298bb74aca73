import Domain
import Testing

@Suite struct ProblemTests {
    @Test func detailsNameTheirLines() {
        let problem = Problem.invalid([
            FieldError(pointer: "/12/input_data/prompt", detail: "is required"), FieldError(pointer: "/3", detail: "is not JSON"),
            FieldError(pointer: "", detail: "must hold a task"),
        ])
        #expect(problem.namingLines.errors.map(\.detail) == ["line 12: is required", "line 3: is not JSON", "must hold a task"])
        #expect(problem.namingLines.errors.map(\.pointer) == problem.errors.map(\.pointer))
    }
}
