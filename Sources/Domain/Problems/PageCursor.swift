public import FoundationEssentials

/// Where a list goes on: behind the row with this id. Ids are time-ordered, so the id alone is the key.
public struct PageCursor: Sendable, Hashable {
    public var after: UUID

    public init(after: UUID) { self.after = after }

    /// Reads the text of `?cursor=`; nil where it is none of ours.
    public init?(text: String) {
        guard let id = UUID(text: text) else { return nil }
        after = id
    }

    public var text: String { after.text }
}

/// One page of a list.
public struct Page<Element: Sendable>: Sendable {
    public var elements: [Element]
    public var next: PageCursor?

    public init(_ elements: [Element], next: PageCursor?) {
        self.elements = elements
        self.next = next
    }
}
