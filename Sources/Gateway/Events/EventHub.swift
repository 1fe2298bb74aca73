import CoreMetrics
import FoundationEssentials
import Logging
import ServiceLifecycle
import Store
import Synchronization

/// Reads the log of events once for all readers of this gateway, and hands each what it follows.
///
/// It asks the database for nothing while nobody reads. Readers are independent: one that falls behind goes back to the log, and holds up
/// nobody. What a gateway's end or a broken connection cut off goes on at any gateway, behind the last event that arrived.
final class EventHub: Service {
    struct Limits: Sendable {
        /// Streams at once, and of one key.
        var readers = 2_000
        var readersByCaller = 1_000
        /// Bytes that wait for one reader.
        var backlog = 1 << 20
        /// A reader that takes nothing for so long is cut.
        var patience: Duration = .seconds(60)
        /// The pause between looks at the log: while events come, and when it is quiet.
        var pace: ClosedRange<Duration> = .milliseconds(20) ... .milliseconds(100)
        /// So much longer for each reader: many are woken with many events at once, and not each with each.
        var pacePerReader: Duration = .microseconds(100)
        /// A stream that has been quiet for so long says that it lives.
        var heartbeat: Duration = .seconds(15)
        /// Readers that read the log for themselves at once.
        var catchUps = 4

        init(_ configuration: GatewayConfiguration) {
            readers = configuration.eventStreams
            readersByCaller = configuration.eventStreamsPerKey
            heartbeat = configuration.eventHeartbeat
        }
    }

    /// How long events are written down for a project that nobody reads any more: time enough to come back.
    static let listenerLifetime = Duration.seconds(3_600)

    struct Reader {
        var mailbox: EventMailbox
        var projectID: UUID
    }

    struct State {
        var seats: EventSeats
        /// Everything up to here was handed on; nil while nobody reads.
        var position: Int64?
        var begins: Task<Int64?, any Error>?
        var readers: [EventTopic: [ObjectIdentifier: Reader]] = [:]
        /// Of each seat.
        var connections: [ObjectIdentifier: EventConnection] = [:]
        /// Of each project that somebody reads: how many do, and since when the log has it.
        var projects: [UUID: (readers: Int, logStart: Int64?)] = [:]
        var isClosed = false
    }

    let store: Store
    let limits: Limits
    let places: CatchUpPlaces
    let tasksToAskFor = TasksToAskFor()
    let logger: Logger
    let state: Mutex<State>
    let streams = Meter(label: "chorus_event_streams")
    let logStarts = ReadThroughCache<UUID, Int64?>(capacity: 10_000) { $0 == nil ? .zero : .seconds(60) }
    let wakeUp: AsyncStream<Void>.Continuation
    private let wakeUps: AsyncStream<Void>

    init(store: Store, limits: Limits, logger: Logger) {
        self.store = store
        self.limits = limits
        self.logger = logger
        places = CatchUpPlaces(limits.catchUps)
        state = Mutex(State(seats: EventSeats(limit: limits.readers, limitByCaller: limits.readersByCaller)))
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Reads until the graceful shutdown; then all streams end, so that their readers go on at another gateway.
    func run() async {
        await withGracefulShutdownHandler {
            await cancelWhenGracefulShutdown {
                await withDiscardingTaskGroup { group in
                    group.addTask { await self.tick() }
                    for await _ in self.wakeUps { await self.read() }
                    group.cancelAll()
                }
            }
        } onGracefulShutdown: {
            self.close()
        }
        close()
    }

    /// So many streams from now on; those that are open stay.
    func allow(_ limits: Limits) {
        state.withLock { state in
            state.seats.limit = limits.readers
            state.seats.limitByCaller = limits.readersByCaller
        }
    }

    private func close() {
        let mailboxes = state.withLock { state in
            state.isClosed = true
            return state.readers.values.flatMap { $0.values.map(\.mailbox) }
        }
        for mailbox in mailboxes { mailbox.end(.closed) }
    }
}
