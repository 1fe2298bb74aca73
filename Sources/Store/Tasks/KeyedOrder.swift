import Domain

/// Which submissions of a batch go first, where several have the same key in one project: pure.
struct KeyedOrder {
    /// The places of those that go.
    private(set) var first: [Int] = []
    /// For each submission the place in `first` of the one that goes.
    private var goers: [Int] = []

    init(_ submissions: [Submission]) {
        var seen: [KeyedProject: Int] = [:]
        for (place, submission) in submissions.enumerated() {
            if submission.keyText != nil, let goer = seen[KeyedProject(submission)] {
                goers.append(goer)
            } else {
                if submission.keyText != nil { seen[KeyedProject(submission)] = first.count }
                goers.append(first.count)
                first.append(place)
            }
        }
    }

    /// What came of each: its own outcome, or that of the one that went in its place.
    func spread(_ outcomes: [Result<Acceptance, any Error>]) -> [KeyedOutcome] {
        goers.enumerated().map { place, goer in KeyedOutcome(result: outcomes[goer], isOwn: first[goer] == place) }
    }
}

/// What came of a submission, or of the one of the same key that went in its place.
struct KeyedOutcome {
    var result: Result<Acceptance, any Error>
    var isOwn: Bool

    /// It was not accepted, and an earlier one under its key may have been.
    var mayBeRepeated: Bool {
        switch result {
        case .success: !isOwn
        case .failure(let error): error is Problem
        }
    }

    /// Where nothing is remembered under its key.
    var withoutAnswer: Result<Acceptance, any Error> {
        switch result {
        case .success where !isOwn: .failure(Problem.keyIsInUse)
        case .success, .failure: result
        }
    }
}
