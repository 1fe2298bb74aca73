/// Who may make what of whom.
public enum MemberRules {
    /// Checks that somebody with the role `actor` may turn a member from `old` into `new`; nil is no member.
    public static func check(_ actor: ProjectRole, from old: ProjectRole?, to new: ProjectRole?) throws(Problem) {
        guard old != .owner, new != .owner else { throw .conflict("The owner of a project stays its owner.") }
        let permission: ProjectPermission = old == .admin || new == .admin ? .appointAdmins : .manageMembers
        guard actor.allows(permission) else { throw .lacking(permission, actor) }
    }
}
