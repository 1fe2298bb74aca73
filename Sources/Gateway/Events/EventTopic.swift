import FoundationEssentials

/// What a reader of events follows.
enum EventTopic: Sendable, Hashable {
    case project(UUID)
    case task(UUID)
}
