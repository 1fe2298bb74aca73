import Foundation
import Synchronization

/// The terminal while the picture is on it: the other screen, no cursor, keys as they are pressed. What it was before comes back.
final class TopTerminal: Sendable {
    /// As it was; nil while nothing is changed.
    private let original = Mutex<termios?>(nil)

    /// Whether somebody sees what is written.
    static var isThere: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Lines and columns; 24 and 80 where the terminal does not say.
    static var size: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (24, 80) }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    /// Colours, unless somebody does without (https://no-color.org) or the terminal has none.
    static var hasColours: Bool {
        let environment = ProcessInfo.processInfo.environment
        return isThere && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    func enter() {
        var settings = termios()
        if tcgetattr(STDIN_FILENO, &settings) == 0 {
            original.withLock { $0 = settings }
            // Ctrl-C stays a signal; Ctrl-Z would leave the shell in this picture.
            settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
            withUnsafeMutableBytes(of: &settings.c_cc) { codes in
                codes[Int(VMIN)] = 1
                codes[Int(VTIME)] = 0
                codes[Int(VSUSP)] = 0
            }
            tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        }
        write("\u{1B}[?1049h\u{1B}[?25l")
    }

    /// As often as somebody likes.
    func leave() {
        write("\u{1B}[?25h\u{1B}[?1049l")
        original.withLock { settings in
            if var before = settings { tcsetattr(STDIN_FILENO, TCSANOW, &before) }
            settings = nil
        }
    }

    /// Draws over what was there: each line is cleared behind its end, and all below the last one.
    func draw(_ lines: [TopLine], colours: Bool) {
        write("\u{1B}[H" + lines.map { $0.rendered(colours: colours) + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }

    /// A terminal that went away takes nothing: the hangup ends the command.
    private func write(_ text: String) { try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) }
}

/// Reads what is pressed on a thread of its own, which looks every tenth of a second whether somebody still wants it.
final class TopKeyReader: Sendable {
    private let isOver = Atomic(false)

    func start(_ take: @escaping @Sendable ([UInt8]) -> Void) {
        guard isatty(STDIN_FILENO) == 1 else { return }
        let thread = Thread {
            var buffer = [UInt8](repeating: 0, count: 64)
            while !self.isOver.load(ordering: .relaxed) {
                var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                guard poll(&waiting, 1, 100) >= 0 || errno == EINTR else { return }
                guard waiting.revents != 0 else { continue }
                let count = read(STDIN_FILENO, &buffer, buffer.count)
                guard count > 0 else { return }
                take(Array(buffer.prefix(count)))
            }
        }
        thread.start()
    }

    func stop() { isOver.store(true, ordering: .relaxed) }
}
