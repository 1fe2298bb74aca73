/// What a fault strikes: a process of ours, or a server.
enum ChaosTarget: Sendable, Hashable, CustomStringConvertible {
    /// Workers and gateways are numbered from 1.
    case worker(Int)
    case gateway(Int)
    case broker
    case database
    case engine

    static let workers = (1...3).map(ChaosTarget.worker)
    static let gateways = (1...2).map(ChaosTarget.gateway)

    var description: String {
        switch self {
        case .worker(let number): "worker-\(number)"
        case .gateway(let number): "gateway-\(number)"
        case .broker: "broker"
        case .database: "database"
        case .engine: "engine"
        }
    }
}
