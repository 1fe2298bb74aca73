/// One process of a development environment.
enum DevMember: Sendable, Hashable, CustomStringConvertible {
    case postgres
    case rabbitMQ
    case engine
    case gateway
    /// Workers are numbered from 1.
    case worker(Int)

    var description: String {
        switch self {
        case .postgres: "postgres"
        case .rabbitMQ: "rabbitmq"
        case .engine: "engine"
        case .gateway: "gateway"
        case .worker(let number): "worker-\(number)"
        }
    }

    /// The members in the order of their stop; those of one step stop side by side. Workers first, while everything that they need to
    /// hand back their tasks still runs.
    static func stopOrder(workers: Int) -> [[DevMember]] {
        [workersUp(to: workers), [.gateway], [.engine], [.rabbitMQ, .postgres]]
    }

    static func workersUp(to count: Int) -> [DevMember] {
        (0..<max(count, 0)).map { .worker($0 + 1) }
    }

    /// How long the member may take to stop before it is killed.
    var grace: Duration {
        switch self {
        case .worker: .seconds(40)
        case .gateway: .seconds(20)
        case .engine: .seconds(3)
        case .postgres, .rabbitMQ: .seconds(30)
        }
    }
}
