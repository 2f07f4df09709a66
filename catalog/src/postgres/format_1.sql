-- Format 1. Times are microseconds since 1970 in UTC; lists and objects are JSON.

CREATE SCHEMA IF NOT EXISTS lakebed;

CREATE TABLE lakebed.schema_version (
    version bigint PRIMARY KEY,
    applied_at bigint NOT NULL
);

CREATE TABLE lakebed.datasets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid text NOT NULL UNIQUE,
    namespace text NOT NULL,
    project text NOT NULL,
    name text NOT NULL,
    description text,
    attrs json NOT NULL DEFAULT '[]',
    created_at bigint NOT NULL,
    UNIQUE (namespace, project, name)
);

CREATE TABLE lakebed.jobs (
    id text PRIMARY KEY,
    name text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'complete', 'failed', 'canceled')),
    created_at bigint NOT NULL,
    finished_at bigint,
    git_commit text,
    git_dirty boolean,
    author text,
    error text,
    params json NOT NULL,
    environment json NOT NULL,
    source text
);

-- Versions share few schemas. A schema may be longer than an index allows, so its digest is unique.
CREATE TABLE lakebed.schemas (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text NOT NULL UNIQUE,
    bytes bytea NOT NULL
);

CREATE TABLE lakebed.dataset_versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid text NOT NULL UNIQUE,
    dataset bigint NOT NULL REFERENCES lakebed.datasets (id),
    major bigint NOT NULL,
    minor bigint NOT NULL,
    patch bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'complete', 'failed', 'removed')),
    job text NOT NULL REFERENCES lakebed.jobs (id),
    created_at bigint NOT NULL,
    finished_at bigint,
    location text NOT NULL,
    storage_version bigint NOT NULL DEFAULT 0,
    fingerprint text,
    rows bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    -- what completing the version will do to its dataset
    claimed_description text,
    claimed_attrs json,
    error text,
    schema bigint REFERENCES lakebed.schemas (id),
    preview json,
    UNIQUE (dataset, major, minor, patch)
);

CREATE INDEX complete_versions ON lakebed.dataset_versions (dataset) WHERE status = 'complete';
CREATE INDEX versions_by_location ON lakebed.dataset_versions (location);

-- Dependencies are names, not keys: what was read is recorded even if it is gone. A rename rewrites them.
CREATE TABLE lakebed.dependencies (
    version bigint NOT NULL REFERENCES lakebed.dataset_versions (id),
    position bigint NOT NULL,
    namespace text NOT NULL,
    project text NOT NULL,
    name text NOT NULL,
    major bigint NOT NULL,
    minor bigint NOT NULL,
    patch bigint NOT NULL,
    PRIMARY KEY (version, position)
);

-- The root whose catalog this is: one row.
CREATE TABLE lakebed.root (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    place text NOT NULL
);

CREATE INDEX dependencies_by_name ON lakebed.dependencies (namespace, project, name);
