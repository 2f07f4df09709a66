-- Format 2: a version has its location from its claim on, and a location leads to its dataset.

UPDATE dataset_versions SET location = (
    SELECT 'data/' || n.name || '/' || p.name || '/' || d.name || '.lance'
    FROM datasets d JOIN projects p ON p.id = d.project JOIN namespaces n ON n.id = p.namespace
    WHERE d.id = dataset_versions.dataset
) WHERE location = '';

CREATE INDEX versions_by_location ON dataset_versions (location);
