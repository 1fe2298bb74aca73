/// A section of the picture: a line of headings, and rows whose columns are as wide as they say. The first column takes what is left.
struct TopTable {
    struct Column {
        var title: String
        var width: Int
        var isNumber = true
    }

    struct Cell {
        var text: String
        var style = TopLine.Style.plain
    }

    var first: String
    var columns: [Column]
    var rows: [[Cell]]

    /// The headings, and `limit` rows at most; where there are more, the last line says how many.
    func lines(width: Int, limit: Int) -> [TopLine] {
        let firstWidth = max(8, width - columns.reduce(0) { $0 + $1.width + 1 })
        func line(_ cells: [Cell], style: TopLine.Style? = nil) -> TopLine {
            var line = TopLine()
            for (index, cell) in cells.enumerated() {
                let text: String
                if index == 0 {
                    text = DisplayText.column(cell.text, firstWidth)
                } else if index <= columns.count {
                    let column = columns[index - 1]
                    line.add(" ", style ?? .plain)
                    text = DisplayText.column(cell.text, column.width, isNumber: column.isNumber)
                } else {
                    break
                }
                line.add(text, style ?? cell.style)
            }
            return line.fitting(width)
        }
        var lines = [line([Cell(text: first)] + columns.map { Cell(text: $0.title) }, style: .heading)]
        let fits = rows.count <= limit
        for row in rows.prefix(fits ? limit : max(0, limit - 1)) { lines.append(line(row)) }
        if !fits, limit > 0 { lines.append(TopLine("… \(rows.count - limit + 1) more", .dim)) }
        return lines
    }
}
