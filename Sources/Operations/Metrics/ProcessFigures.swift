import FoundationEssentials
import Glibc

/// What this process takes of its machine, under the names that Prometheus's own libraries use. Source: proc(5).
public struct ProcessFigures: Sendable, Hashable {
    /// Seconds, in user and kernel mode.
    public var processorTime: Double
    /// Bytes.
    public var residentMemory: Double
    public var virtualMemory: Double
    public var threads: Double
    public var openDescriptors: Double
    /// nil where there is no bound.
    public var descriptorLimit: Double?
    /// Seconds since 1970.
    public var startTime: Double

    /// nil where /proc cannot be read.
    public init?() {
        guard let stat = try? Data(contentsOf: URL(filePath: "/proc/self/stat")),
            let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        else { return nil }
        // Not from /proc/stat: a sandbox may show nothing of /proc but processes.
        let bootTime = Self.seconds(CLOCK_REALTIME) - Self.seconds(CLOCK_BOOTTIME)
        self.init(
            stat: String(decoding: stat, as: UTF8.self), bootTime: bootTime, ticksPerSecond: Double(max(1, sysconf(Int32(_SC_CLK_TCK)))),
            pageSize: Double(max(1, sysconf(Int32(_SC_PAGESIZE)))))
        // The folder itself was open for the count.
        openDescriptors = Double(max(0, descriptors - 1))
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max {
            descriptorLimit = Double(limit.rlim_cur)
        }
    }

    /// - Parameter stat: a line of `/proc/PID/stat`; fields are counted behind the program's name, which may hold blanks.
    init?(stat: String, bootTime: Double, ticksPerSecond: Double, pageSize: Double) {
        guard let afterName = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: afterName)...].split(whereSeparator: \.isWhitespace).map { Double($0) }
        // From the state, field 3: utime 14, stime 15, num_threads 20, starttime 22, vsize 23, rss 24.
        guard fields.count > 21, let user = fields[11], let kernel = fields[12], let threads = fields[17], let start = fields[19],
            let size = fields[20], let pages = fields[21]
        else { return nil }
        processorTime = (user + kernel) / ticksPerSecond
        residentMemory = pages * pageSize
        virtualMemory = size
        self.threads = threads
        openDescriptors = 0
        startTime = bootTime + start / ticksPerSecond
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

extension MetricsRegistry {
    /// Looks what this process takes.
    public func tellProcess() {
        guard let figures = ProcessFigures() else { return }
        tell("process_cpu_seconds_total", figures.processorTime)
        tell("process_resident_memory_bytes", figures.residentMemory)
        tell("process_virtual_memory_bytes", figures.virtualMemory)
        tell("process_threads", figures.threads)
        tell("process_open_fds", figures.openDescriptors)
        if let limit = figures.descriptorLimit { tell("process_max_fds", limit) }
        tell("process_start_time_seconds", figures.startTime)
    }
}
