-- Keys, members and the log of each project, as people look at them.

-- The keys of an account, newest first, by keyset.
CREATE INDEX idx_api_keys_user_key ON api_keys (user_id, key_id);
-- The log of a project, newest first, by keyset.
CREATE INDEX idx_project_activity_log ON project_activity_log (project_id, log_id);
