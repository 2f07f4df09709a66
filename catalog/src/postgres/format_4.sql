-- Format 4: queries under names.
CREATE TABLE lakebed.views (
    namespace text NOT NULL,
    project text NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    -- of names in the query that have none
    default_namespace text NOT NULL,
    default_project text NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (namespace, project, name)
);
