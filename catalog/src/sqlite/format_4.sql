-- Format 4: a job has metrics, and the namespaces and projects that users made are known while they are empty.
ALTER TABLE jobs ADD COLUMN metrics TEXT NOT NULL DEFAULT '{}';

-- A namespace has no project.
CREATE TABLE folders (
    namespace TEXT NOT NULL,
    project TEXT NOT NULL,
    description TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, project)
) STRICT, WITHOUT ROWID;
