import Domain
import FoundationEssentials
import Logging
import ServiceLifecycle
import Store

/// Reads the log of events for all webhooks, and notes what is to be posted where. Every gateway may; one does, as long as it is there.
///
/// Where no project has a webhook it asks the database every few seconds whether that has changed.
struct WebhookPump: Service {
    private static let quietPace = Duration.seconds(2)
    private static let pace = Duration.milliseconds(250)

    let store: Store
    let logger: Logger
    /// Called when deliveries were noted; must not wait.
    let onAdded: @Sendable () -> Void

    func run() async {
        await cancelWhenGracefulShutdown {
            var reader: EventLogReader?
            while !Task.isCancelled {
                var pause = Self.quietPace
                do {
                    pause = try await self.step(&reader)
                } catch {
                    if Task.isCancelled { break }
                    logger.warning("events for webhooks were not read, it is tried again", metadata: [LogKey.error: "\(error)"])
                }
                try? await Task.sleep(for: pause)
            }
        }
    }

    /// Reads on once, and says when to look again.
    private func step(_ reader: inout EventLogReader?) async throws -> Duration {
        guard let position = try await store.webhookPosition() else {
            reader = nil
            return Self.quietPace
        }
        // Another gateway has read on, or this one has not begun.
        if reader?.position != position { reader = EventLogReader(store, after: position) }
        guard var next = reader else { return Self.pace }
        let events = try await next.next()
        defer { reader = next }
        guard next.position != position else { return next.isBlocked ? .milliseconds(20) : Self.pace }
        let webhooks = try await store.webhooks(ofProjects: Array(Set(events.map(\.projectID))))
        let deliveries = events.flatMap { event in webhooks[event.projectID].map { Self.deliveries(of: event, to: $0) } ?? [] }
        guard try await store.addDeliveries(deliveries, from: position, to: next.position) else {
            // Somebody else does it: that will do for now.
            return Self.quietPace
        }
        if !deliveries.isEmpty { onAdded() }
        return events.count == EventLogReader.pageLimit ? .zero : Self.pace
    }

    static func deliveries(of event: EventRecord, to webhooks: ProjectWebhooks) -> [NewWebhookDelivery] {
        guard event.seq > webhooks.since else { return [] }
        let wanting = webhooks.settings.filter { $0.names.contains(event.name) }
        guard !wanting.isEmpty else { return [] }
        let body = String(decoding: event.json, as: UTF8.self)
        return wanting.map { setting in
            NewWebhookDelivery(
                projectID: event.projectID, url: setting.url.text, seq: event.seq, event: event.name, taskID: event.task?.id, body: body)
        }
    }
}
