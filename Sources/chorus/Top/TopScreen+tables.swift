import Domain

/// The three sections. A wide terminal shows more columns.
extension TopScreen {
    private typealias Column = TopTable.Column
    private typealias Cell = TopTable.Cell

    func projects(_ snapshot: TopSnapshot, _ rates: TopRates, _ view: TopView) -> TopTable {
        var columns = [
            Column(title: "STATUS", width: 9, isNumber: false), Column(title: "WGT", width: 3), Column(title: "WAITING", width: 7),
            Column(title: "QUEUED", width: 6), Column(title: "RUN", width: 5), Column(title: "ENDED", width: 6),
            Column(title: "FAILED", width: 6), Column(title: "ENDED/S", width: 7),
        ]
        let showsID = self.columns >= 130
        if showsID { columns.append(Column(title: "ID", width: 36, isNumber: false)) }
        let rows = Self.ordered(snapshot.projects, rates, view.order).dropFirst(min(view.offset, max(0, snapshot.projects.count - 1)))
        return TopTable(
            first: "PROJECT", columns: columns,
            rows: rows.map { project in
                let failed = project.tasks[.failed] ?? 0
                let rate = rates.of(project: project.id) ?? Double(project.perMinute) / 60
                var cells = [
                    Cell(text: project.name), Cell(text: project.status, style: project.status == "active" ? .dim : .warning),
                    Cell(text: "\(project.weight)"), Cell(text: TopFigure.count(project.waiting)),
                    Cell(text: TopFigure.count(project.tasks[.inQueue] ?? 0)), Cell(text: TopFigure.count(project.tasks[.processing] ?? 0)),
                    Cell(text: TopFigure.count(project.ended)), Cell(text: TopFigure.count(failed), style: failed > 0 ? .bad : .plain),
                    Cell(text: TopFigure.rate(rate), style: .bold),
                ]
                if showsID { cells.append(Cell(text: project.id, style: .dim)) }
                return cells
            })
    }

    func engines(_ snapshot: TopSnapshot) -> TopTable {
        var columns = [
            Column(title: "GATE", width: 7, isNumber: false), Column(title: "QUEUED", width: 6), Column(title: "RUN", width: 5),
            Column(title: "CALLS/M", width: 7), Column(title: "TOKENS/M", width: 8), Column(title: "FAILED", width: 6),
            Column(title: "P50", width: 7), Column(title: "P99", width: 7),
        ]
        let showsReason = self.columns >= 130
        if showsReason { columns.append(Column(title: "REASON", width: 36, isNumber: false)) }
        return TopTable(
            first: "ENGINE", columns: columns,
            rows: snapshot.engines.map { engine in
                var cells = [
                    Cell(text: engine.name),
                    Cell(text: engine.gate, style: engine.gate == "open" ? .good : engine.gate == "closed" ? .bad : .warning),
                    Cell(text: TopFigure.count(engine.inQueue)), Cell(text: TopFigure.count(engine.processing)),
                    Cell(text: TopFigure.count(engine.callsPerMinute)), Cell(text: TopFigure.count(engine.tokensPerMinute)),
                    Cell(text: TopFigure.percent(engine.failed), style: engine.failed >= 0.1 ? .bad : .plain),
                    Cell(text: TopFigure.duration(milliseconds: engine.duration?.median)),
                    Cell(text: TopFigure.duration(milliseconds: engine.duration?.high)),
                ]
                if showsReason { cells.append(Cell(text: engine.gateReason ?? "", style: .dim)) }
                return cells
            })
    }

    func workers(_ snapshot: TopSnapshot) -> TopTable {
        var columns = [
            Column(title: "HOST", width: 16, isNumber: false), Column(title: "PID", width: 7),
            Column(title: "STATUS", width: 8, isNumber: false), Column(title: "RUN", width: 5), Column(title: "SLOTS", width: 5),
            Column(title: "", width: 10, isNumber: false),
        ]
        let isWide = self.columns >= 130
        if isWide {
            columns.append(Column(title: "VERSION", width: 10, isNumber: false))
            columns.append(Column(title: "ID", width: 36, isNumber: false))
        }
        let rows = snapshot.workers.sorted { left, right in
            (left.isAlive ? 0 : 1, -left.running, left.name, left.id) < (right.isAlive ? 0 : 1, -right.running, right.name, right.id)
        }
        return TopTable(
            first: "WORKER", columns: columns,
            rows: rows.map { worker in
                let style: TopLine.Style = worker.status == "alive" ? .good : worker.status == "lost" ? .bad : .warning
                var cells = [
                    Cell(text: worker.name), Cell(text: worker.host), Cell(text: "\(worker.processID)"),
                    Cell(text: worker.status, style: style), Cell(text: "\(worker.running)"), Cell(text: "\(worker.concurrency)"),
                    Cell(text: TopFigure.bar(worker.running, of: worker.concurrency, width: 10)),
                ]
                if isWide { cells += [Cell(text: worker.version, style: .dim), Cell(text: worker.id, style: .dim)] }
                return cells
            })
    }

    private static func ordered(
        _ projects: [TopSnapshot.ProjectLine], _ rates: TopRates, _ order: TopView.Order
    ) -> [TopSnapshot.ProjectLine] {
        func measure(_ project: TopSnapshot.ProjectLine) -> Double {
            switch order {
            case .running: Double((project.tasks[.processing] ?? 0) + (project.tasks[.inQueue] ?? 0))
            case .waiting: Double(project.waiting)
            case .rate: rates.of(project: project.id) ?? Double(project.perMinute) / 60
            case .ended: Double(project.ended)
            case .failed: Double(project.tasks[.failed] ?? 0)
            case .name: 0
            }
        }
        return projects.map { (measure($0), $0) }.sorted { ($1.0, $0.1.name, $0.1.id) < ($0.0, $1.1.name, $1.1.id) }.map(\.1)
    }
}
