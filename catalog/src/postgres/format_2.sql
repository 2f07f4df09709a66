-- Format 2: a job has metrics, and the namespaces and projects that users made are known while they are empty.
ALTER TABLE lakebed.jobs ADD COLUMN metrics json NOT NULL DEFAULT '{}';

-- A namespace has no project.
CREATE TABLE lakebed.folders (
    namespace text NOT NULL,
    project text NOT NULL,
    description text,
    created_at bigint NOT NULL,
    PRIMARY KEY (namespace, project)
);
