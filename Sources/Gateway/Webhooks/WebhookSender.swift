import CoreMetrics
import Domain
import FoundationEssentials
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Store
import Synchronization

/// Posts what is due, as every gateway does: who claims a delivery has it for a minute, and then anybody.
///
/// Of one address eight are under way at most in each gateway, so that one that is slow holds up no other.
final class WebhookSender: Service {
    private static let atOnce = 64
    private static let lease = Duration.seconds(60)
    /// How often it looks for deliveries whose time has come again, and for those that another gateway noted.
    private static let pace = Duration.seconds(2)
    /// Addresses of one host that are tried.
    private static let tries = 3

    private struct UnderWay {
        var count = 0
        var byURL: [String: Int] = [:]
    }

    private let store: Store
    private let signing: WebhookSigning
    private let targets: Mutex<WebhookTargets>
    private let logger: Logger
    private let lookup = AddressLookup()
    private let underWay = Mutex(UnderWay())
    private let wakeUp: AsyncStream<Void>.Continuation
    private let wakeUps: AsyncStream<Void>

    init(store: Store, signing: WebhookSigning, targets: WebhookTargets, logger: Logger) {
        self.store = store
        self.signing = signing
        self.targets = Mutex(targets)
        self.logger = logger
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Deliveries were noted.
    func poke() { wakeUp.yield() }

    /// Posts to these from now on, and to no others.
    func allow(_ targets: WebhookTargets) { self.targets.withLock { $0 = targets } }

    /// Posts until the graceful shutdown, and finishes what is under way then.
    /// - Throws: where TLS cannot be set up.
    func run() async throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        let tls = try NIOSSLContext(configuration: configuration)
        lookup.start()
        await withDiscardingTaskGroup { group in
            group.addTask {
                await cancelWhenGracefulShutdown {
                    while !Task.isCancelled {
                        self.wakeUp.yield()
                        try? await Task.sleep(for: Self.pace)
                    }
                }
            }
            for await _ in self.wakeUps.cancelOnGracefulShutdown() {
                while !Task.isShuttingDownGracefully, await self.begin(&group, tls) {}
            }
        }
        await lookup.stop()
    }

    /// Claims what is due and begins with it; true where more may be due.
    private func begin(_ group: inout DiscardingTaskGroup, _ tls: NIOSSLContext) async -> Bool {
        let (free, busy) = underWay.withLock { (Self.atOnce - $0.count, Array($0.byURL.keys)) }
        guard free > 0 else { return false }
        do {
            let claimed = try await store.claimDeliveries(limit: free, lease: Self.lease, busy: busy)
            for delivery in claimed {
                underWay.withLock { state in
                    state.count += 1
                    state.byURL[delivery.url, default: 0] += 1
                }
                group.addTask {
                    await self.attempt(delivery, tls)
                    self.underWay.withLock { state in
                        state.count -= 1
                        let left = state.byURL[delivery.url, default: 1] - 1
                        state.byURL[delivery.url] = left > 0 ? left : nil
                    }
                    // There is room for the next ones.
                    self.wakeUp.yield()
                }
            }
            return !claimed.isEmpty
        } catch {
            logger.warning("deliveries of webhooks were not claimed, it is tried again", metadata: [LogKey.error: "\(error)"])
            return false
        }
    }

    private func attempt(_ delivery: ClaimedDelivery, _ tls: NIOSSLContext) async {
        let outcome = await outcome(of: delivery, tls)
        let word = outcome.isDelivered ? "delivered" : outcome.retryAfter == nil ? "failed" : "retrying"
        Counter(label: "chorus_webhook_deliveries_total", dimensions: [("outcome", word)]).increment()
        do {
            try await store.settle(delivery, outcome)
        } catch {
            // The claim runs out, and it is posted once more: receivers know it by its id.
            logger.warning("how a delivery ended was not written", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func outcome(of delivery: ClaimedDelivery, _ tls: NIOSSLContext) async -> DeliveryOutcome {
        guard let setting = delivery.setting else {
            return DeliveryOutcome(isDelivered: false, responseStatus: nil, error: "The webhook was removed.", retryAfter: nil)
        }
        var generator = SystemRandomNumberGenerator()
        do {
            let answer = try await post(delivery, setting, tls)
            if (200..<300).contains(answer.status) {
                return DeliveryOutcome(isDelivered: true, responseStatus: answer.status, error: nil, retryAfter: nil)
            }
            // 410: the receiver wants nothing more (Standard Webhooks, "Delivery").
            let wait =
                answer.status == 410
                ? nil : WebhookBackoff.delay(after: delivery.attempts, retryAfter: answer.retryAfter, using: &generator)
            let words = (300..<400).contains(answer.status) ? "The receiver redirects, which is not followed." : "The receiver refused it."
            return DeliveryOutcome(isDelivered: false, responseStatus: answer.status, error: words, retryAfter: wait)
        } catch {
            return DeliveryOutcome(
                isDelivered: false, responseStatus: nil, error: "\(error)",
                retryAfter: WebhookBackoff.delay(after: delivery.attempts, using: &generator))
        }
    }

    private func post(
        _ delivery: ClaimedDelivery, _ setting: WebhookSetting, _ tls: NIOSSLContext
    ) async throws -> WebhookCall.Answer {
        let url = setting.url
        let addresses = try await lookup.addresses(of: url.host, port: url.port)
        let targets = targets.withLock { $0 }
        let allowed = addresses.filter { address in address.ipAddress.map(targets.allows) ?? false }
        guard !allowed.isEmpty else {
            throw WebhookCall.Failure(
                description: "\(url.host) leads to no address that webhooks may be posted to (webhooks.allowed_networks)")
        }
        let headers = signing.headers(
            of: delivery.id, at: Date(), body: delivery.body, setting: setting, projectID: delivery.projectID)
        let call = WebhookCall(url: url, headers: headers, body: delivery.body, tls: tls)
        var failure: any Error = WebhookCall.Failure(description: "it was not tried")
        for address in allowed.prefix(Self.tries) {
            do {
                return try await call.post(to: address)
            } catch let error as WebhookCall.Failure {
                // It got there: once is enough for now.
                throw error
            } catch {
                failure = error
            }
        }
        throw failure
    }
}
