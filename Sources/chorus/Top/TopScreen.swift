import Domain
import Foundation

/// The whole picture, as lines that fit: nothing here knows a terminal.
struct TopScreen {
    /// Of the gateway.
    var address: String
    var columns: Int
    /// nil for as many as there are.
    var rows: Int?

    /// - Parameter notice: what is wrong at this moment, such as that the gateway cannot be reached.
    func lines(_ snapshot: TopSnapshot?, _ rates: TopRates, _ view: TopView, notice: String?) -> [TopLine] {
        var lines = [title(snapshot)]
        if let snapshot {
            lines += summary(snapshot, rates)
            lines.append(TopLine())
            lines += tables(snapshot, rates, view, room: rows.map { $0 - lines.count - 1 })
        }
        guard let rows else { return (lines + (notice.map { [TopLine($0, .bad)] } ?? [])).map { $0.fitting(columns) } }
        lines = Array(lines.prefix(max(0, rows - 1)))
        lines += Array(repeating: TopLine(), count: max(0, rows - 1 - lines.count))
        lines.append(notice.map { TopLine($0, .bad) } ?? TopLine("q quit   ←→ order: \(view.order.rawValue)   ↑↓ scroll", .dim))
        return lines.prefix(rows).map { $0.fitting(columns) }
    }

    /// How many projects `lines` shows.
    func page(_ snapshot: TopSnapshot?) -> Int {
        guard let snapshot, let rows else { return 0 }
        return shares(snapshot, room: rows - 6).projects
    }

    private func title(_ snapshot: TopSnapshot?) -> TopLine {
        var line = TopLine("chorus ", .bold)
        let time = snapshot.map { RFC3339.text($0.at).dropFirst(11).prefix(8) + " UTC" } ?? ""
        line.add(DisplayText.column(DisplayText.plain(address), max(0, columns - 8 - time.count)) + " " + time)
        return line
    }

    private func summary(_ snapshot: TopSnapshot, _ rates: TopRates) -> [TopLine] {
        func count(_ statuses: TaskStatus...) -> Int { statuses.reduce(0) { $0 + (snapshot.tasks[$1] ?? 0) } }
        var tasks = TopLine("waiting \(TopFigure.count(count(.pending, .retrying)))")
        if count(.paused) > 0 { tasks.add("  paused \(TopFigure.count(count(.paused)))", .warning) }
        tasks.add("  in queue \(TopFigure.count(count(.inQueue)))  running \(TopFigure.count(count(.processing)))")
        tasks.add("  completed \(TopFigure.count(count(.completed)))")
        tasks.add("  failed \(TopFigure.count(count(.failed)))", count(.failed) > 0 ? .bad : .plain)
        tasks.add("  cancelled \(TopFigure.count(count(.cancelled)))")

        var speed = TopLine("ended/s ")
        speed.add(TopFigure.rate(rates.total ?? Double(snapshot.perMinute) / 60), .bold)
        speed.add("  wait \(TopFigure.duration(milliseconds: snapshot.wait?.median))")
        speed.add(" (p99 \(TopFigure.duration(milliseconds: snapshot.wait?.high)))")
        speed.add("  slots \(snapshot.running)/\(snapshot.slots) \(TopFigure.bar(snapshot.running, of: snapshot.slots, width: 10))")
        let alive = snapshot.workers.count(where: \.isAlive)
        speed.add("  workers \(alive)", alive == 0 ? .bad : .plain)

        var lanes = TopLine("lanes")
        for lane in snapshot.lanes.reversed() {
            lanes.add("  \(lane.name) \(TopFigure.count(lane.inQueue))+\(TopFigure.count(lane.processing))")
            if let oldest = lane.oldest, oldest >= 1 {
                lanes.add(" \(TopFigure.duration(milliseconds: Int(oldest * 1_000)))", oldest > 60 ? .warning : .dim)
            }
        }
        lanes.add("  (queued+running)", .dim)
        return [tasks, speed, lanes]
    }

    private func tables(_ snapshot: TopSnapshot, _ rates: TopRates, _ view: TopView, room: Int?) -> [TopLine] {
        let shares = shares(snapshot, room: room)
        let tables = [
            (projects(snapshot, rates, view), shares.projects), (engines(snapshot), shares.engines), (workers(snapshot), shares.workers),
        ]
        var lines: [TopLine] = []
        for (index, (table, limit)) in tables.enumerated() {
            if index > 0, shares.areApart { lines.append(TopLine()) }
            lines += table.lines(width: columns, limit: limit)
        }
        return lines
    }

    /// Half of the room for projects, a quarter each for engines and workers; what one of them does not need the others get. They stand
    /// apart where that costs nobody a line, or there are many.
    private func shares(_ snapshot: TopSnapshot, room: Int?) -> (projects: Int, engines: Int, workers: Int, areApart: Bool) {
        let wanted = [snapshot.projects.count, snapshot.engines.count, snapshot.workers.count]
        guard let room else { return (wanted[0], wanted[1], wanted[2], true) }
        // Three lines of headings, and two empty ones.
        let areApart = room >= 34 || wanted.reduce(5, +) <= room
        var left = max(0, room - (areApart ? 5 : 3))
        var given = zip(wanted, [left / 2, left / 4, left / 4]).map { min($0, $1) }
        left -= given.reduce(0, +)
        for index in given.indices {
            let more = min(left, wanted[index] - given[index])
            given[index] += more
            left -= more
        }
        return (given[0], given[1], given[2], areApart)
    }
}
