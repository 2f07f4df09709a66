"""43 questions about `hits`, those of ClickBench in words of our own: what is counted by what, under which filter.

Where its order leaves ties, ours goes on by the groups' keys, so that systems can be compared. Filters of groups and offsets
are set for some millions of rows. Queries that want any rows, in no order, are in `UNORDERED`.
"""

from __future__ import annotations

from clickbench_data import COUNTER, PAGE_HASH, REFERER_HASH, USER

USERS = "count(DISTINCT userid)"
JULY = f"counterid = {COUNTER} AND eventdate BETWEEN DATE '2013-07-01' AND DATE '2013-07-31'"
VIEWS = f"{JULY} AND isrefresh = 0"
SEARCHED = "searchphrase <> ''"
GOOGLE = "url LIKE '%google%'"
HOST = r"""regexp_replace(referer, '^https?://(?:www\.)?([^/]+)/.*$', '\1')"""
MINUTE = "date_trunc('minute', eventtime)"


def top(
    keys: str,
    values: str = "count(*)",
    where: str = "true",
    *,
    by: int = 1,
    limit: int | None = 10,
    offset: int = 0,
    having: str = "true",
) -> str:
    """The groups by `keys`, which `|` parts, whose value number `by` is the largest."""
    columns = keys.split(" | ")
    at = len(columns)
    order = ", ".join([f"{at + by} DESC", *map(str, range(1, at + 1))])
    text = f"SELECT {', '.join(columns)}, {values} FROM hits WHERE {where}"
    text += f" GROUP BY {', '.join(map(str, range(1, at + 1)))} HAVING {having}"
    return text + f" ORDER BY {order}" + (f" LIMIT {limit} OFFSET {offset}" if limit else "")


def of(expression: str, where: str = "true") -> str:
    """One row."""
    return f"SELECT {expression} FROM hits WHERE {where}"


def queries(rows: int) -> dict[int, str]:
    """All of them for so many rows, numbered from 0 as usual."""
    many = f"count(*) > {rows // 1000}"
    average = "count(*), sum(isrefresh), avg(resolutionwidth)"
    phrase = f"SELECT searchphrase FROM hits WHERE {SEARCHED} ORDER BY"
    minutes = (
        f"SELECT {MINUTE}, count(*) FROM hits WHERE counterid = {COUNTER} AND isrefresh = 0 "
        "AND eventdate BETWEEN DATE '2013-07-14' AND DATE '2013-07-15' AND dontcounthits = 0 "
        "GROUP BY 1 ORDER BY 1 LIMIT 10 OFFSET 1000"
    )
    written = [
        of("count(*)"),
        of("count(*)", 'advengineid <> 0'),
        of('sum(advengineid), count(*), avg(resolutionwidth)'),
        of('avg(userid)'),
        of(USERS),
        of('count(DISTINCT searchphrase)'),
        of('min(eventdate), max(eventdate)'),
        top('advengineid', where='advengineid <> 0', limit=None),
        top('regionid', USERS),
        top('regionid', f'sum(advengineid), count(*), avg(resolutionwidth), {USERS}', by=2),
        top('mobilephonemodel', USERS, "mobilephonemodel <> ''"),
        top('mobilephone | mobilephonemodel', USERS, "mobilephonemodel <> ''"),
        top('searchphrase', where=SEARCHED),
        top('searchphrase', USERS, SEARCHED),
        top('searchengineid | searchphrase', where=SEARCHED),
        top('userid'),
        top('userid | searchphrase'),
        'SELECT userid, searchphrase, count(*) FROM hits GROUP BY 1, 2 LIMIT 10',
        top('userid | extract(MINUTE FROM eventtime) | searchphrase'),
        f'SELECT userid FROM hits WHERE userid = {USER}',
        of("count(*)", GOOGLE),
        top('searchphrase', 'min(url), count(*)', f"{GOOGLE} AND {SEARCHED}", by=2),
        top('searchphrase', f'min(url), min(title), count(*), {USERS}',
            f"title LIKE '%Google%' AND url NOT LIKE '%.google.%' AND {SEARCHED}", by=3),
        f'SELECT * FROM hits WHERE {GOOGLE} ORDER BY eventtime, watchid LIMIT 10',
        f'{phrase} eventtime, searchphrase LIMIT 10',
        f'{phrase} searchphrase LIMIT 10',
        f'{phrase} eventtime DESC, searchphrase LIMIT 10',
        top('counterid', 'avg(length(url)), count(*)', "url <> ''", limit=25, having=many),
        top(HOST, 'avg(length(referer)), count(*), min(referer)', "referer <> ''",
            limit=25, having=many),
        of(", ".join(f'sum(resolutionwidth + {more})' for more in range(90))),
        top('searchengineid | clientip', average, SEARCHED),
        top('watchid | clientip', average, SEARCHED),
        top('watchid | clientip', average),
        top('url'),
        top('1 AS one | url'),
        top('clientip | clientip - 1 | clientip - 2 | clientip - 3'),
        top('url', where=f"{VIEWS} AND dontcounthits = 0 AND url <> ''"),
        top('title', where=f"{VIEWS} AND dontcounthits = 0 AND title <> ''"),
        top('url', where=f'{VIEWS} AND islink <> 0 AND isdownload = 0', offset=100),
        top('traficsourceid | searchengineid | advengineid | '
            "CASE WHEN searchengineid = 0 AND advengineid = 0 THEN referer ELSE '' END | "
            'url', where=VIEWS, offset=1000),
        top('urlhash | eventdate', offset=10,
            where=f'{VIEWS} AND traficsourceid IN (-1, 6) AND refererhash = {REFERER_HASH}'),
        top('windowclientwidth | windowclientheight', offset=100,
            where=f'{VIEWS} AND dontcounthits = 0 AND urlhash = {PAGE_HASH}'),
        minutes,
    ]  # fmt: skip
    return dict(enumerate(written))


UNORDERED = (17,)
