import Domain
import Foundation

/// Asks for passwords on standard input: a line of a pipe, or what somebody types, unseen.
enum PasswordPrompt {
    /// A new password for an account.
    static func chosen(for email: EmailAddress) throws -> Password {
        let isTerminal = isatty(STDIN_FILENO) == 1
        let text = isTerminal ? hiddenLine("Password: ") : readLine(strippingNewline: true)
        do throws(Password.Unfit) {
            let password = try Password(choosing: text ?? "", for: email)
            // Nobody sees what they type.
            if isTerminal, hiddenLine("Once more: ") != text { throw Password.Unfit(reason: "was not the same twice") }
            return password
        } catch {
            throw ConfigurationFault(place: "standard input", message: "the password \(error.reason)")
        }
    }

    private static func hiddenLine(_ prompt: String) -> String? {
        var settings = termios()
        let hasSettings = tcgetattr(STDIN_FILENO, &settings) == 0
        var hidden = settings
        hidden.c_lflag &= ~tcflag_t(ECHO)
        if hasSettings { tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) }
        defer {
            if hasSettings { tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
            FileHandle.standardError.write(Data("\n".utf8))
        }
        FileHandle.standardError.write(Data(prompt.utf8))
        return readLine(strippingNewline: true)
    }
}
