import Domain
import Foundation
import Testing

/// Every role, permission and kind of credential.
@Suite struct AuthorizationTests {
    static let user = UUID()
    static let project = UUID()

    /// The table as a person would write it on paper; the one in code is shorter.
    static let table: [ProjectRole: Set<ProjectPermission>] = [
        .viewer: [.read, .readTasks, .readActivity],
        .editor: [.read, .readTasks, .readActivity, .submitTasks, .moveTasks, .giveFeedback],
        .admin: Set(ProjectPermission.allCases).subtracting([.appointAdmins]),
        .owner: Set(ProjectPermission.allCases),
    ]

    @Test(arguments: ProjectRole.allCases, ProjectPermission.allCases)
    func aRoleMayWhatTheTableSays(role: ProjectRole, permission: ProjectPermission) throws {
        let isAllowed = try #require(Self.table[role]).contains(permission)
        #expect(role.allows(permission) == isAllowed)
        for credential in [Principal.Credential.session(UUID()), .key(UUID(), .everything)] {
            let verdict = Principal(userID: Self.user, credential: credential).verdict(on: Self.project, role: role, permission)
            guard case .refused(let problem) = verdict else {
                #expect(isAllowed && verdict == .allowed)
                continue
            }
            #expect(!isAllowed && problem.status == 403)
            #expect(problem.detail?.contains(role.rawValue) == true && problem.detail?.contains(permission.leastRole.rawValue) == true)
        }
    }

    @Test(arguments: ProjectPermission.allCases)
    func aKeyNeedsTheScope(permission: ProjectPermission) {
        for scope in KeyScope.allCases {
            let key = Self.key(KeyPermissions(scopes: [scope]))
            let verdict = key.verdict(on: Self.project, role: .owner, permission)
            #expect((verdict == .allowed) == (scope == permission.scope))
            if case .refused(let problem) = verdict { #expect(problem.detail?.contains(permission.scope.rawValue) == true) }
        }
        #expect(Self.key(KeyPermissions(scopes: [])).verdict(on: Self.project, role: .owner, permission) != .allowed)
    }

    /// What one does not see is not there, before anything else is asked.
    @Test(arguments: ProjectPermission.allCases)
    func whatIsNotSeenIsNotThere(permission: ProjectPermission) {
        let strangers = [Principal(userID: Self.user, credential: .session(UUID()), isAdmin: true), Self.key(KeyPermissions(scopes: []))]
        for stranger in strangers { #expect(stranger.verdict(on: Self.project, role: nil, permission) == .unseen) }
        let elsewhere = Self.key(KeyPermissions(projects: [UUID()]))
        #expect(elsewhere.verdict(on: Self.project, role: .owner, permission) == .unseen)
        #expect(Self.key(KeyPermissions(projects: [Self.project])).verdict(on: Self.project, role: .owner, permission) == .allowed)
    }

    @Test func rolesAreOrdered() {
        #expect(ProjectRole.allCases == ProjectRole.allCases.sorted() && ProjectRole.viewer < .editor && ProjectRole.admin < .owner)
    }

    @Test func whatBelongsToNoProject() {
        #expect(throws: Problem.self) { try Self.key(KeyPermissions(scopes: [.tasksRead])).require(.keysWrite) }
        #expect(throws: Never.self) { try Self.key(KeyPermissions(scopes: [.keysWrite])).require(.keysWrite) }
        #expect(throws: Problem.self) { try Self.key(KeyPermissions(projects: [])).requireAllProjects() }
        #expect(throws: Problem.self) { try Self.key(.everything).requireAdmin() }
        var admin = Self.key(KeyPermissions(scopes: [.tasksRead]))
        admin.isAdmin = true
        #expect(throws: Problem.self) { try admin.requireAdmin() }
        admin.credential = .session(UUID())
        #expect(throws: Never.self) { try admin.requireAdmin() }
    }

    /// What is stored is read back; what nobody can read gives nothing.
    @Test func keepsPermissions() throws {
        let narrowed = KeyPermissions(scopes: [.tasksRead, .tasksWrite], projects: [Self.project])
        for permissions in [narrowed, KeyPermissions(scopes: []), KeyPermissions(projects: []), .everything] {
            #expect(KeyPermissions(stored: permissions.json) == permissions)
        }
        #expect(KeyPermissions(stored: ["scopes": ["tasks:read", "later:scope"]]).scopes == [.tasksRead])
        for broken: JSONValue in [7, "all", [], ["scopes": "all", "projects": 7]] {
            let permissions = KeyPermissions(stored: broken)
            #expect(permissions.scopes == [] && permissions.projects == [], "\(broken)")
        }
    }

    static func key(_ permissions: KeyPermissions) -> Principal {
        Principal(userID: user, credential: .key(UUID(), permissions))
    }
}
