"""Datasets in DataFusion's own Python package: `pip install lakebed 'datafusion>=54,<55'`.

One chain as a table and all datasets as a catalog, joined with the other engine's tables.
"""

from tempfile import mkdtemp

from datafusion import SessionContext

import lakebed as dc

with dc.Session(root=mkdtemp()) as session:
    files = [dc.File(path=f"{id}.jpg", size=100 * id) for id in range(1, 5)]
    dc.read_values(id=[1, 2, 3, 4], file=files).save("pets")

    context = SessionContext()
    context.register_catalog_provider("lakebed", session)
    # only whole columns are asked for from there: as columns of their own, fields are read alone
    context.register_table("big", dc.read_dataset("pets").filter(dc.C("file.size") > 100).flatten())
    context.from_pydict({"id": [2, 4], "owner": ["Ada", "Grace"]}, name="owners")

    query = 'SELECT "file__path", owner FROM big JOIN owners USING (id) ORDER BY id'
    rows = context.sql(query).to_pylist()
    print(rows)
    assert [row["owner"] for row in rows] == ["Ada", "Grace"]

    context.sql(
        "INSERT INTO lakebed.local.pets SELECT id + 10, file FROM lakebed.local.pets"
    ).collect()
    print(context.sql("SELECT count(*) AS pets FROM lakebed.local.pets").to_pylist())
    assert dc.read_dataset("pets").count() == 8
    assert dc.read_dataset("pets", version="1.0.0").count() == 4
