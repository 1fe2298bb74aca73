/// A line of the picture: pieces of text, each with its style.
struct TopLine: Sendable, Hashable {
    enum Style: Sendable, Hashable {
        case plain, bold, dim, good, warning, bad, heading

        /// ECMA-48, "select graphic rendition".
        var code: String? {
            switch self {
            case .plain: nil
            case .bold: "1"
            case .dim: "2"
            case .good: "32"
            case .warning: "33"
            case .bad: "31"
            case .heading: "7"
            }
        }
    }

    struct Piece: Sendable, Hashable {
        var text: String
        var style: Style
    }

    private(set) var pieces: [Piece] = []

    init(_ text: String = "", _ style: Style = .plain) { add(text, style) }

    mutating func add(_ text: String, _ style: Style = .plain) {
        if !text.isEmpty { pieces.append(Piece(text: text, style: style)) }
    }

    /// Without styles.
    var text: String { pieces.map(\.text).joined() }

    /// At most `columns` wide.
    func fitting(_ columns: Int) -> TopLine {
        var line = TopLine()
        var room = columns
        for piece in pieces where room > 0 {
            let text = DisplayText.fitting(piece.text, room)
            line.add(text, piece.style)
            room -= DisplayText.width(text)
        }
        return line
    }

    func rendered(colours: Bool) -> String {
        guard colours else { return text }
        return pieces.map { piece in piece.style.code.map { "\u{1B}[\($0)m\(piece.text)\u{1B}[0m" } ?? piece.text }.joined()
    }
}
