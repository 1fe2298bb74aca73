/// Which of several answers say the same.
///
/// Answers that mean the same form a cluster, and so do those that are linked through others. The largest cluster is chosen, of several the
/// one that holds the surest answer, then the one that holds the engine named first; within it the surest answer, then the first. Nothing
/// depends on the order in which the answers came.
struct Agreement {
    struct Candidate: Sendable {
        var position: Int
        var answer: StrategyAnswer
    }

    private let candidates: [Candidate]

    init(_ candidates: [Candidate]) { self.candidates = candidates.sorted { $0.position < $1.position } }

    /// The cluster of each candidate, as indices of ``candidates``, smallest index first.
    private(set) lazy var clusters: [[Int]] = {
        // At most 16 answers: every pair is looked at once, and the lower cluster takes the higher one over.
        var labels = Array(candidates.indices)
        for one in candidates.indices {
            for other in candidates.indices.dropFirst(one + 1) where labels[one] != labels[other] && agrees(one, other) {
                let (kept, gone) = (min(labels[one], labels[other]), max(labels[one], labels[other]))
                for index in labels.indices where labels[index] == gone { labels[index] = kept }
            }
        }
        return candidates.indices.compactMap { label in
            let members = labels.indices.filter { labels[$0] == label }
            return members.isEmpty ? nil : members
        }
    }()

    private func agrees(_ one: Int, _ other: Int) -> Bool {
        guard let meaning = candidates[one].answer.meaning, let its = candidates[other].answer.meaning else { return false }
        return meaning.agrees(with: its)
    }

    /// nil where nobody answered. `asked` is the number of engines that were asked.
    mutating func largest(of asked: Int) -> ChosenAnswer? {
        var best: (members: [Int], surest: Int)?
        var isTie = false
        for members in clusters {
            guard let surest = Self.surest(of: members, candidates) else { continue }
            guard let known = best else {
                best = (members, surest)
                continue
            }
            if members.count > known.members.count {
                best = (members, surest)
                isTie = false
            } else if members.count == known.members.count {
                isTie = true
                if Self.isSurer(candidates[surest], candidates[known.surest]) { best = (members, surest) }
            }
        }
        guard let best else { return nil }
        return chosen(best.surest, best.members, of: asked, by: .agreement, isTie: isTie)
    }

    /// nil where no answer has a confidence.
    mutating func surest(of asked: Int) -> ChosenAnswer? {
        let known = candidates.indices.filter { candidates[$0].answer.confidence != nil }
        guard let index = Self.surest(of: known, candidates) else { return nil }
        return chosen(index, members(of: index), of: asked, by: .confidence)
    }

    /// The answer of the engine at `position`, which somebody else chose.
    mutating func choose(_ position: Int, of asked: Int, by choice: EnsembleChoice) -> ChosenAnswer {
        let index = candidates.firstIndex { $0.position == position } ?? 0
        return chosen(index, members(of: index), of: asked, by: choice)
    }

    private mutating func members(of index: Int) -> [Int] { clusters.first { $0.contains(index) } ?? [index] }

    private func chosen(_ index: Int, _ members: [Int], of asked: Int, by choice: EnsembleChoice, isTie: Bool = false) -> ChosenAnswer {
        let candidate = candidates[index]
        var chosen = ChosenAnswer(
            position: candidate.position, confidence: candidate.answer.confidence ?? Double(members.count) / Double(max(asked, 1)),
            agreeing: members.map { candidates[$0].position }, asked: asked, answered: candidates.count, choice: choice)
        chosen.reason =
            switch choice {
            case .agreement where candidates.count == 1: "It is the only answer."
            case .agreement where isTie:
                "\(members.count) of \(candidates.count) answers agree, as many as others do: the surer engine, then the first named, decides."
            case .agreement: "\(members.count) of \(candidates.count) answers agree."
            case .confidence: "Its engine was the surest of its words."
            case .judge: "The judge chose it."
            }
        return chosen
    }

    private static func surest(of indices: [Int], _ candidates: [Candidate]) -> Int? {
        indices.reduce(nil as Int?) { best, index in
            guard let best else { return index }
            return isSurer(candidates[index], candidates[best]) ? index : best
        }
    }

    /// Strictly: of equals the first stays. An answer without a number is less sure than any with one.
    private static func isSurer(_ one: Candidate, _ other: Candidate) -> Bool {
        (one.answer.confidence ?? -1) > (other.answer.confidence ?? -1)
    }
}
