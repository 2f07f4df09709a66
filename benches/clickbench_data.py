"""Seeded rows in the shape of ClickBench's table: `python clickbench_data.py FILE ROWS`.

Writes `hits` as Parquet with the names, in lower case, and kinds of its 105 public columns and nothing of its content: few counters, users,
addresses and words are frequent and most are rare, texts are often empty, days follow one another. Needs numpy and pyarrow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORMAT = 2  # raise it when the data change, so that old files are not reused
SEED = 20130701
PIECE = 1 << 18
DAY, JULY = 86_400, 1_372_636_800  # in seconds; of 2013
# What queries ask for, and the rank of its text.
COUNTER, USER, PAGE_HASH, REFERER_HASH = (
    62,
    435090932899640449,
    2868770270353813622,
    3594120000172545465,
)

# Columns by what they hold; a number is how many values there are, and the share of rows that have another than 0.
FLAGS = {
    "JavaEnable": 0.7, "GoodEvent": 1.0, "IsRefresh": 0.12, "CookieEnable": 0.98, "JavascriptEnable": 0.98,
    "IsMobile": 0.06, "IsArtifical": 0.001, "IsLink": 0.04, "IsDownload": 0.01, "IsNotBounce": 0.9,
    "IsOldCounter": 0.0, "IsEvent": 0.01, "IsParameter": 0.01, "DontCountHits": 0.07, "WithHash": 0.01,
    "HasGCLID": 0.01,
}  # fmt: skip
SMALL = {
    "CounterClass": (3, 0.8), "OS": (60, 0.95), "UserAgent": (80, 0.95), "RefererCategoryID": (900, 0.4),
    "URLCategoryID": (900, 0.4), "ResolutionDepth": (33, 0.95), "FlashMajor": (12, 0.9),
    "FlashMinor": (10, 0.9), "NetMajor": (5, 0.3), "NetMinor": (5, 0.3), "UserAgentMajor": (40, 0.95),
    "MobilePhone": (80, 0.06), "TraficSourceID": (10, 0.6), "SearchEngineID": (90, 0.14),
    "AdvEngineID": (60, 0.006), "ClientTimeZone": (700, 0.95), "SilverlightVersion1": (6, 0.5),
    "SilverlightVersion2": (2, 0.5), "SilverlightVersion4": (2, 0.5), "Age": (60, 0.6), "Sex": (3, 0.6),
    "Income": (5, 0.6), "Interests": (20_000, 0.6), "Robotness": (4, 0.02), "HistoryLength": (50, 0.5),
    "HTTPError": (600, 0.001), "SocialSourceNetworkID": (30, 0.01), "ParamCurrencyID": (3, 0.001),
}  # fmt: skip
MEDIUM = {
    "RegionID": (9_000, 0.99), "RefererRegionID": (9_000, 0.3), "URLRegionID": (9_000, 0.3),
    "IPNetworkID": (400_000, 0.99), "SilverlightVersion3": (60_000, 0.5), "CodeVersion": (2_000, 0.9),
    "OpenerName": (100_000, 0.1), "WindowName": (100_000, 0.1), "SendTiming": (30_000, 0.3),
    "DNSTiming": (3_000, 0.3), "ConnectTiming": (3_000, 0.3), "ResponseStartTiming": (20_000, 0.3),
    "ResponseEndTiming": (20_000, 0.3), "FetchTiming": (30_000, 0.3), "CLID": (1_000, 0.01),
}  # fmt: skip
WORDS = {
    "FlashMinor2": (900, 0.8), "UserAgentMinor": (70, 0.9), "MobilePhoneModel": (160, 0.05),
    "Params": (40_000, 0.02), "PageCharset": (20, 0.9), "SocialNetwork": (8, 0.005), "SocialAction": (4, 0.005),
    "SocialSourcePage": (900, 0.01), "ParamOrderID": (9_000, 0.001), "ParamCurrency": (4, 0.001),
    "OpenstatServiceName": (6, 0.01), "OpenstatCampaignID": (2_000, 0.01), "OpenstatAdID": (4_000, 0.01),
    "OpenstatSourceID": (900, 0.01), "UTMSource": (600, 0.03), "UTMMedium": (30, 0.03), "UTMCampaign": (3_000, 0.03),
    "UTMContent": (3_000, 0.02), "UTMTerm": (3_000, 0.02), "FromTag": (300, 0.02), "BrowserLanguage": (30, 1.0),
    "BrowserCountry": (90, 1.0), "HitColor": (5, 1.0),
}  # fmt: skip
# In the order of the table.
NAMES = """
WatchID JavaEnable Title GoodEvent EventTime EventDate CounterID ClientIP RegionID UserID CounterClass OS UserAgent URL
Referer IsRefresh RefererCategoryID RefererRegionID URLCategoryID URLRegionID ResolutionWidth ResolutionHeight
ResolutionDepth FlashMajor FlashMinor FlashMinor2 NetMajor NetMinor UserAgentMajor UserAgentMinor CookieEnable
JavascriptEnable IsMobile MobilePhone MobilePhoneModel Params IPNetworkID TraficSourceID SearchEngineID SearchPhrase
AdvEngineID IsArtifical WindowClientWidth WindowClientHeight ClientTimeZone ClientEventTime SilverlightVersion1
SilverlightVersion2 SilverlightVersion3 SilverlightVersion4 PageCharset CodeVersion IsLink IsDownload IsNotBounce FUniqID
OriginalURL HID IsOldCounter IsEvent IsParameter DontCountHits WithHash HitColor LocalEventTime Age Sex Income Interests
Robotness RemoteIP WindowName OpenerName HistoryLength BrowserLanguage BrowserCountry SocialNetwork SocialAction HTTPError
SendTiming DNSTiming ConnectTiming ResponseStartTiming ResponseEndTiming FetchTiming SocialSourceNetworkID
SocialSourcePage ParamPrice ParamOrderID ParamCurrency ParamCurrencyID OpenstatServiceName OpenstatCampaignID
OpenstatAdID OpenstatSourceID UTMSource UTMMedium UTMCampaign UTMContent UTMTerm FromTag HasGCLID RefererHash URLHash CLID
"""


def generate(target: Path, rows: int) -> None:
    """Write `rows` rows."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    hits = Hits(np.random.default_rng(SEED), rows)
    writer = None
    for at in range(0, rows, PIECE):
        made = hits.piece(at, min(PIECE, rows - at))
        table = pa.table({name.lower(): made[name] for name in NAMES.split()})
        writer = writer or pq.ParquetWriter(target, table.schema, compression="snappy")
        writer.write_table(table)
    writer.close()


class Hits:
    """The texts and numbers that rows choose from, and the rows."""

    def __init__(self, random: Any, rows: int) -> None:
        import numpy as np

        self.random, self.rows = random, rows
        self.pages = self.addresses(max(rows // 6, 100), "shop")
        self.referers = self.addresses(max(rows // 6, 100), "search")
        self.titles = self.texts(max(rows // 12, 100), 6)
        self.phrases = self.texts(max(rows // 20, 100), 3)
        self.users = random.integers(1, 1 << 62, max(rows // 6, 100))
        self.page_hashes = random.integers(-(1 << 62), 1 << 62, len(self.pages))
        self.referer_hashes = random.integers(-(1 << 62), 1 << 62, len(self.referers))
        self.users[3], self.page_hashes[3], self.referer_hashes[3] = USER, PAGE_HASH, REFERER_HASH
        self.ips = random.integers(-(1 << 31), 1 << 31, max(rows // 10, 100)).astype(np.int32)
        self.words = {name: self.texts(count, 1) for name, (count, _) in WORDS.items()}

    def piece(self, at: int, count: int) -> dict[str, Any]:
        """The columns of some rows."""
        import numpy as np
        import pyarrow as pa

        random = self.random
        made: dict[str, Any] = {}
        for name, share in FLAGS.items():
            made[name] = (random.random(count) < share).astype(np.int16)
        for name, (values, share) in SMALL.items():
            made[name] = self.some(self.ranks(values, count) + 1, share).astype(np.int16)
        for name, (values, share) in MEDIUM.items():
            made[name] = self.some(self.ranks(values, count) + 1, share).astype(np.int32)
        for name, (values, share) in WORDS.items():
            made[name] = self.chosen(self.words[name], self.ranks(values, count), share)
        made["TraficSourceID"] = made["TraficSourceID"] - np.int16(1)
        page, referer = self.ranks(len(self.pages), count), self.ranks(len(self.referers), count)
        user, ip = self.ranks(len(self.users), count), self.ranks(len(self.ips), count)
        counter = self.ranks(6_000, count)
        month = np.arange(at, at + count) / self.rows * 31 * DAY
        seconds = JULY + month.astype(np.int64)
        time = pa.array(seconds * 1_000_000, pa.timestamp("us"))
        width = random.choice(
            np.array([0, 1024, 1280, 1366, 1600, 1638, 1750, 1920, 1996], np.int16), count
        )
        made |= {
            "WatchID": random.integers(1 << 60, 1 << 62, count),
            "Title": self.chosen(self.titles, self.ranks(len(self.titles), count), 0.85),
            "EventTime": time,
            "EventDate": pa.array((seconds // DAY).astype(np.int32)).cast(pa.date32()),
            "CounterID": np.where(counter == 3, COUNTER, counter * 37 + 1000).astype(np.int32),
            "ClientIP": self.ips[ip],
            "UserID": self.users[user],
            "URL": self.chosen(self.pages, page, 0.999),
            "Referer": self.chosen(self.referers, referer, 0.8),
            "ResolutionWidth": width,
            "ResolutionHeight": (width // 16 * 9).astype(np.int16),
            "SearchPhrase": self.chosen(self.phrases, self.ranks(len(self.phrases), count), 0.13),
            "WindowClientWidth": self.some(width - random.integers(0, 60, count), 0.9).astype(np.int16),
            "WindowClientHeight": self.some(random.integers(300, 1000, count), 0.9).astype(np.int16),
            "ClientEventTime": pa.array((seconds + random.integers(-3600, 3600, count)) * 1_000_000, pa.timestamp("us")),
            "LocalEventTime": pa.array((seconds + 14_400) * 1_000_000, pa.timestamp("us")),
            "FUniqID": self.some(random.integers(1 << 40, 1 << 62, count), 0.5),
            "OriginalURL": self.chosen(self.pages, page, 0.3),
            "HID": random.integers(1, 1 << 30, count).astype(np.int32),
            "RemoteIP": self.ips[ip],
            "ParamPrice": self.some(random.integers(1, 1 << 20, count), 0.001),
            "RefererHash": self.referer_hashes[referer],
            "URLHash": self.page_hashes[page],
        }  # fmt: skip
        return made

    def ranks(self, values: int, count: int) -> Any:
        """Which of so many values: the first is often chosen, the last seldom."""
        import numpy as np

        return np.minimum((values + 1.0) ** self.random.random(count) - 1, values - 1).astype(
            np.int64
        )

    def some(self, values: Any, share: float) -> Any:
        """`values`, or 0 in the other rows."""
        return values * (self.random.random(len(values)) < share)

    def chosen(self, texts: Any, at: Any, share: float) -> Any:
        """Texts, or an empty one; it stands at the end."""
        import numpy as np

        at = np.where(self.random.random(len(at)) < share, at, len(texts) - 1)
        return texts.take(_array(at))

    def texts(self, count: int, words: int) -> Any:
        """Texts of up to so many words, one in a hundred about Google, and an empty one."""
        stems = (
            "продажа",
            "купить",
            "смотреть",
            "онлайн",
            "weather",
            "photo",
            "auto",
            "часы",
            "dress",
            "news",
        )
        return self._pool(count, lambda at, draw: " ".join(
            ["Google" if at % 100 == 7 and words > 1 else stems[draw(10)], *(stems[draw(10)] for _ in range(draw(words))), str(at)]
        ))  # fmt: skip

    def addresses(self, count: int, site: str) -> Any:
        """Addresses of pages of few hosts, one in five hundred with `google` in it, and an empty one."""

        def address(at: int, draw: Callable[[int], int]) -> str:
            host = (
                "www.google.com"
                if at % 500 == 7
                else f"{'www.' * (at % 3 == 0)}{site}{int(draw(40) ** 1.5)}.ru"
            )
            return f"http://{host}/{'catalog/item/' * (1 + draw(2))}{at:x}/{draw(1 << 20)}.html?from={draw(99)}"

        return self._pool(count, address)

    def _pool(self, count: int, make: Callable[[int, Callable[[int], int]], str]) -> Any:
        import random

        import pyarrow as pa

        seeded = random.Random(f"{SEED} {count}")
        made = [make(at, lambda below: int(seeded.random() * below)) for at in range(count)]
        return pa.array([*made, ""])


def _array(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(values)


if __name__ == "__main__":
    generate(Path(sys.argv[1]), int(sys.argv[2]))
