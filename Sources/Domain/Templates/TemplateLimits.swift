/// What bounds the rendering of a text, whatever its author and its children's outputs look like.
public enum TemplateLimits {
    /// Tags in all texts of a task.
    public static let tags = 1_000
    /// Sections inside each other.
    public static let nesting = 16
    /// Tags and pieces of text gone through while all texts of a task are rendered; a section counts once for each child.
    public static let steps = 500_000
    /// UTF-8 bytes of all rendered texts of a task.
    public static let renderedBytes = 4 << 20
    /// UTF-8 bytes of what children give: outputs, errors, metadata.
    public static let contextBytes = 4 << 20
}
