-- Format 1. Times are microseconds since 1970 in UTC; lists and objects are JSON.

CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE namespaces (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    namespace INTEGER NOT NULL REFERENCES namespaces (id),
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (namespace, name)
) STRICT;

CREATE TABLE datasets (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    project INTEGER NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    description TEXT,
    attrs TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    UNIQUE (project, name)
) STRICT;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'complete', 'failed', 'canceled')),
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    git_commit TEXT,
    git_dirty INTEGER,
    author TEXT,
    error TEXT,
    params TEXT NOT NULL,
    environment TEXT NOT NULL,
    source TEXT
) STRICT;

-- Versions share few schemas, and a schema is larger than the rest of a version's row.
CREATE TABLE schemas (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL UNIQUE
) STRICT;

-- The large columns come last, so that listings do not read past them.
CREATE TABLE dataset_versions (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    dataset INTEGER NOT NULL REFERENCES datasets (id),
    major INTEGER NOT NULL,
    minor INTEGER NOT NULL,
    patch INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'complete', 'failed', 'removed')),
    job TEXT NOT NULL REFERENCES jobs (id),
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    location TEXT NOT NULL DEFAULT '',
    storage_version INTEGER NOT NULL DEFAULT 0,
    rows INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    -- what completing the version will do to its dataset
    claimed_description TEXT,
    claimed_attrs TEXT,
    error TEXT,
    schema INTEGER REFERENCES schemas (id),
    preview TEXT,
    UNIQUE (dataset, major, minor, patch)
) STRICT;

CREATE INDEX complete_versions ON dataset_versions (dataset) WHERE status = 'complete';

-- Dependencies are names, not keys: what was read is recorded even if it is gone. A rename rewrites them.
CREATE TABLE dependencies (
    version INTEGER NOT NULL REFERENCES dataset_versions (id),
    position INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    major INTEGER NOT NULL,
    minor INTEGER NOT NULL,
    patch INTEGER NOT NULL,
    PRIMARY KEY (version, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependencies_by_name ON dependencies (namespace, project, name);
