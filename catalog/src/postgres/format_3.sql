-- Format 3: what the next update of a version has to know.
ALTER TABLE lakebed.dataset_versions ADD COLUMN delta json;
