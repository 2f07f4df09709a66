-- What a version was made of, as a digest: the same digest again means the same rows.
ALTER TABLE dataset_versions ADD COLUMN fingerprint TEXT;
