/// Why a text cannot be rendered.
public enum TemplateError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The text breaks the rules of Mustache, or those that hold here, in this line.
    case syntax(line: Int, String)
    case tooManyTags
    /// Rendering takes too many steps, or gives too much text.
    case tooLarge
    /// There is more to read of the children than may be.
    case childrenTooLarge

    public var description: String {
        switch self {
        case .syntax(let line, let fault): "line \(line): \(fault)"
        case .tooManyTags: "it has more than \(TemplateLimits.tags) tags"
        case .childrenTooLarge: "the children's outputs have more than \(TemplateLimits.contextBytes) bytes"
        case .tooLarge:
            "rendered, it would have more than \(TemplateLimits.renderedBytes) bytes or take more than \(TemplateLimits.steps) steps"
        }
    }
}
