-- Format 6: queries under names.
CREATE TABLE views (
    namespace TEXT NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    -- of names in the query that have none
    default_namespace TEXT NOT NULL,
    default_project TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, project, name)
) STRICT, WITHOUT ROWID;
