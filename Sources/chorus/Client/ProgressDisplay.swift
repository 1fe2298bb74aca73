import Domain
import Foundation

/// Draws progress: in place on a terminal, else as plain lines.
struct ProgressDisplay {
    let isTerminal: Bool
    let isJSON: Bool
    private let start = ContinuousClock.now
    private var first: Int?
    private var drawnLines = 0

    init(isTerminal: Bool, isJSON: Bool) {
        self.isTerminal = isTerminal
        self.isJSON = isJSON
    }

    mutating func show(_ projects: [ProjectProgress], isLast: Bool) {
        let ended = projects.map(\.ended).reduce(0, +)
        let total = projects.map(\.total).reduce(0, +)
        let began = first ?? ended
        first = began
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        let elapsed = Double(seconds) + Double(attoseconds) / 1e18
        let rate = elapsed > 0 ? Double(ended - began) / elapsed : 0
        if isJSON { return showJSON(projects, rate, isLast) }
        var summary = "\(ended)/\(total) ended, \(String(format: "%.0f", rate))/s"
        if !isLast { summary += rate > 0 ? ", \(Self.time(Double(total - ended) / rate)) left" : ", time left unknown" }
        if isTerminal {
            draw(projects.map(Self.bar) + [summary])
        } else {
            Output.line("\(summary) | " + projects.map { "\($0.name): \($0.summary)" }.joined(separator: " | "))
        }
    }

    private func showJSON(_ projects: [ProjectProgress], _ rate: Double, _ isLast: Bool) {
        let list = projects.map { project in
            var tasks = JSONObject()
            for status in TaskStatus.allCases { tasks[status.rawValue] = .number(JSONNumber(project.count(status))) }
            return JSONValue.object(["project_id": .string(project.id), "tasks": .object(tasks)])
        }
        Output.json(["projects": .array(list), "rate": JSONValue(rate), "done": .bool(isLast)])
    }

    /// Draws over what was drawn before: up so many lines, and each line cleared to its end.
    private mutating func draw(_ lines: [String]) {
        let width = Self.terminalWidth
        var text = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
        // A line that wraps would take two, and the next picture would begin too low.
        for line in lines { text += "\r\u{1B}[2K\(line.prefix(width))\n" }
        drawnLines = lines.count
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// Columns of the terminal; 80 where it does not say.
    private static var terminalWidth: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private static func bar(_ project: ProjectProgress) -> String {
        let width = 24
        let filled = project.total > 0 ? project.ended * width / project.total : 0
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        let name = project.name.prefix(16)
        return "\(name)\(String(repeating: " ", count: 16 - name.count)) \(bar) \(project.summary)"
    }

    private static func time(_ seconds: Double) -> String {
        switch seconds {
        case ..<60: "\(Int(seconds.rounded(.up))) s"
        case ..<3_600: "\(Int(seconds / 60)) min"
        default: String(format: "%.1f h", seconds / 3_600)
        }
    }
}
