extension NewTask {
    /// Levels from this task down, itself included.
    public var height: Int { 1 + ((children ?? []).map(\.height).max() ?? 0) }

    /// Tasks from this one down, itself included.
    public var familySize: Int { (children ?? []).reduce(1) { $0 + $1.familySize } }

    /// About how many bytes of memory it takes with those inside it.
    public var footprint: Int {
        let own = MemoryLayout<NewTask>.stride + pointer.utf8.count + input.footprint + (metadata?.footprint ?? 0)
        return (children ?? []).reduce(own) { $0 + $1.footprint }
    }

    /// The same with ids of this moment, so that those of tasks which waited sort behind what was accepted meanwhile. A parent's still sorts
    /// before its children's.
    public func identifiedAnew() -> NewTask {
        var task = self
        task.id = .v7()
        task.children = children?.map { $0.identifiedAnew() }
        return task
    }

    /// This task and all those inside it.
    public var family: [NewTask] { [self] + (children ?? []).flatMap(\.family) }

    /// Its children come later, one by one, and it must not run before the first of them: a group, or a text that speaks of children, to
    /// which none were given. An empty list says that none will come.
    public var waitsForChild: Bool {
        children == nil && (type == TaskType.group.rawValue || TaskTexts.openChildren(in: input, type: type))
    }

    /// Reads `children`: nested tasks, each as a task by itself. What is wrong with them is in `fields`.
    static func children(in fields: inout FieldReader, level: Int, knownEngines: EngineNames) -> [NewTask]? {
        guard let bodies = fields.array("children", count: 0...FamilyLimits.children) else { return nil }
        guard bodies.isEmpty || level < FamilyLimits.depth else {
            fields.fail("children", "are on level \(level + 1): a family has at most \(FamilyLimits.depth)")
            return nil
        }
        var children: [NewTask] = []
        children.reserveCapacity(bodies.count)
        for (index, body) in bodies.enumerated() where fields.errors.count < 100 {
            let pointer = fields.pointer(to: "children") + "/\(index)"
            do throws(Problem) {
                children.append(try NewTask(reading: body, at: pointer, level: level + 1, knownEngines: knownEngines))
            } catch {
                fields.append(error.errors)
            }
        }
        return children
    }

    /// Refuses a text that cannot be rendered, where it is sure to be.
    func checkTemplates(_ fields: inout FieldReader) {
        guard children?.isEmpty == false || waitsForChild else { return }
        var tags = 0
        for (pointer, text) in TaskTexts.texts(in: input, type: type) {
            do throws(TemplateError) {
                tags += try Template(text).tagCount
                if tags > TemplateLimits.tags { throw .tooManyTags }
            } catch {
                fields.fail(at: fields.pointer(to: "input_data") + pointer, "is no template: \(error)")
            }
        }
    }
}
