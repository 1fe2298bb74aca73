import Glibc

extension OperationsError {
    /// The failure of a system call just made, in the words of `strerror(3)`. Read `errno` before anything else can change it.
    static func system(_ action: String, errno number: Int32 = errno, file: String = #fileID, line: Int = #line) -> OperationsError {
        OperationsError(.system, "\(action): \(String(cString: strerror(number)))", file: file, line: line)
    }
}
