-- Who may see and do what.

-- The projects that somebody is a member of, newest first, by keyset: what the unique index on (project_id, user_id) cannot find.
CREATE INDEX idx_project_members_user_id ON project_members (user_id, project_id) WHERE status = 'active';

-- The roles that code knows (ProjectRole): a word that nobody understands would be a member who may nothing, and does not know it.
ALTER TABLE project_members
    ADD CONSTRAINT project_members_role CHECK (role IN ('owner', 'admin', 'editor', 'viewer')) NOT VALID;
