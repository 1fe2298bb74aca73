public import NIOURLSession
import Synchronization

/// The engines by name. Definitions may be replaced while calls run: those keep the engine they have.
///
/// A definition whose secret is missing does not stop the others: asking for it tells why.
public final class EngineRegistry: Sendable {
    private struct State {
        var engines: [String: Result<Engine, EngineSetupError>] = [:]
        /// In the order of the definitions.
        var names: [String] = []
        var defaultName: String?
    }

    private let session: NIOURLSession
    private let secrets: SecretSource
    private let hosts: Mutex<EngineHosts>
    private let state = Mutex(State())

    /// - Parameter hosts: where engines may be called; a definition that leads elsewhere makes no engine.
    public init(session: NIOURLSession, secrets: SecretSource = SecretSource(), hosts: EngineHosts = .any) {
        self.session = session
        self.secrets = secrets
        self.hosts = Mutex(hosts)
    }

    /// Engines may be called there, and nowhere else: as of the next definitions.
    public func allow(_ hosts: EngineHosts) { self.hosts.withLock { $0 = hosts } }

    /// Takes these definitions in place of those before.
    ///
    /// - Parameter defaultEngine: the engine of tasks that name none; the first one if nil.
    /// - Returns: what is wrong with definitions that make no engine, for the log.
    @discardableResult
    public func replace(with definitions: [EngineDefinition], defaultEngine: String? = nil) -> [EngineSetupError] {
        var next = State()
        var faults: [EngineSetupError] = []
        for definition in definitions where next.engines[definition.name] == nil {
            let engine = build(definition)
            if case .failure(let fault) = engine { faults.append(fault) }
            next.engines[definition.name] = engine
            next.names.append(definition.name)
        }
        next.defaultName = defaultEngine ?? next.names.first
        state.withLock { $0 = next }
        return faults
    }

    /// The engine called `name`, or the default one for nil.
    public func engine(_ name: String? = nil) throws(EngineRegistryError) -> Engine {
        let (wanted, found, known) = state.withLock { state in
            let wanted = name ?? state.defaultName
            return (wanted, wanted.flatMap { state.engines[$0] }, state.names)
        }
        guard let wanted else { throw .none }
        switch found {
        case .success(let engine): return engine
        case .failure(let fault): throw .unusable(fault)
        case nil: throw .unknown(name: wanted, known: known)
        }
    }

    /// What the engine's calls cost, where that is known.
    public func price(of name: String) -> EnginePrice? {
        state.withLock { state in if case .success(let engine)? = state.engines[name] { engine.definition.price } else { nil } }
    }

    public var names: [String] { state.withLock { $0.names } }

    public var defaultEngine: String? { state.withLock { $0.defaultName } }

    private func build(_ definition: EngineDefinition) -> Result<Engine, EngineSetupError> {
        if let refusal = hosts.withLock({ $0 }).refusal(of: definition.baseURL) {
            return .failure(EngineSetupError(engine: definition.name, reason: "base_url \(refusal)"))
        }
        do throws(SecretError) {
            let secret = try definition.secret.map(secrets.resolve)
            return .success(Engine(definition: definition, secret: secret, session: session))
        } catch {
            return .failure(EngineSetupError(engine: definition.name, reason: error.description))
        }
    }
}
