-- Format 5: what the next update of a version has to know, as JSON.
ALTER TABLE dataset_versions ADD COLUMN delta TEXT;
