"""Servers that tests and benchmarks start on this machine: object stores, a database, a proxy.

Each is a context manager. What it yields knows its address, and the options with which
lakebed opens it: `client_config` holds them under the names that users pass as
`client_config=`, `env` the environment variables that say the same. A server ends with
the process that started it, however that ends.

| server        | is                                      | needs                      |
|---------------|-----------------------------------------|----------------------------|
| `s3_double`   | our own, in memory; counts requests     | aiohttp                    |
| `gcs_double`  | the same, spoken to as Google's storage | aiohttp                    |
| `ministack`   | an emulator of S3 that others made      | PyPI's ministack           |
| `azurite`     | Azure's own emulator of its storage     | npm's azurite              |
| `postgres`    | a database                              | Debian's postgresql        |
| `proxy`       | adds latency and faults to any of them  |                            |

A server whose package is missing raises `NotInstalled`; the fixtures skip then, unless
`CI` is set.
"""

from __future__ import annotations

from servers.database import Database, postgres
from servers.double_server import Double, gcs_double, s3_double
from servers.emulators import azurite, ministack
from servers.process import NotInstalled
from servers.proxy_server import Proxy, proxy
from servers.store import AzureStore, GcsStore, S3Store, Store

__all__ = [
    "AzureStore",
    "Database",
    "Double",
    "GcsStore",
    "NotInstalled",
    "Proxy",
    "S3Store",
    "Store",
    "azurite",
    "gcs_double",
    "ministack",
    "postgres",
    "proxy",
    "s3_double",
]
