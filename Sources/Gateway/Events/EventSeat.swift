import Domain
import FoundationEssentials
import NIOCore
import Synchronization

/// One reader's place at the hub, given back when nobody holds it any more: also where the answer was never written, as for HEAD.
final class EventSeat: Sendable {
    let topic: EventTopic
    let projectID: UUID
    /// nil until it is watched.
    private let watched = Mutex<EventConnection?>(nil)
    private let hub: EventHub
    private let caller: UUID
    private let mailbox = Mutex<EventMailbox?>(nil)
    private let isClosed = Mutex(false)

    /// Made by the hub, which has counted it.
    init(_ hub: EventHub, topic: EventTopic, projectID: UUID, caller: UUID) {
        self.hub = hub
        self.topic = topic
        self.projectID = projectID
        self.caller = caller
    }

    var connection: EventConnection? { watched.withLock { $0 } }

    /// Watches the connection: the seat is closed when its reader leaves.
    func watch(_ channel: any Channel) -> EventConnection {
        let connection = EventConnection(channel) { [weak self] in self?.close() }
        watched.withLock { $0 = connection }
        return connection
    }

    deinit { hub.leave(ObjectIdentifier(self), topic, projectID, caller) }

    /// Hands over the events behind the position that it gives, from now on; an earlier mailbox gets no more.
    func subscribe() -> (position: Int64, mailbox: EventMailbox) {
        let (position, mailbox) = hub.subscribe(self)
        self.mailbox.withLock { $0 = mailbox }
        if isClosed.withLock({ $0 }) { mailbox.end(.closed) }
        return (position, mailbox)
    }

    /// The reader is gone: its mailbox ends.
    func close() {
        isClosed.withLock { $0 = true }
        mailbox.withLock { $0 }?.end(.closed)
    }
}
