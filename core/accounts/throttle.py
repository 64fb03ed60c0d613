"""How often something may be tried from one network address, and with one account's address.

Each counter is a row, shared by all processes, that drains by one every so often: after a burst of tries
a person waits for one interval, never for good. An account that is tried from everywhere slows down but
is never locked: its owner waits half a minute at most, and the mailed link of `/reset` has counters of
its own.
"""

import datetime as dt
import hashlib
import hmac
import ipaddress
import re
from typing import NamedTuple

import sqlalchemy as sa
from flask import current_app, request
from werkzeug.exceptions import TooManyRequests

from ..access import as_system, viewer
from ..db import db, insert_once, lock, now, write
from ..models import Throttle

SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)


class Limit(NamedTuple):
    """So many tries at once, then one more every so often, counted per network, account, or both together."""

    per: str
    burst: int
    every: dt.timedelta


LIMITS = {
    "sign_in": (
        Limit("network", 50, 10 * SECOND),
        Limit("both", 6, 2 * MINUTE),
        Limit("account", 20, 30 * SECOND),
    ),
    "mail": (Limit("network", 20, MINUTE), Limit("account", 5, 10 * MINUTE)),
    "confirm": (Limit("network", 30, 10 * SECOND),),
    "password": (Limit("account", 6, 2 * MINUTE),),
    "export": (Limit("account", 3, 30 * MINUTE),),
    "factor": (Limit("network", 50, 10 * SECOND), Limit("account", 6, 3 * MINUTE)),
    "picture": (Limit("network", 60, 5 * SECOND), Limit("account", 20, 15 * SECOND)),
    "refused": (Limit("account", 3, 480 * MINUTE),),
    "preview": (Limit("account", 60, 2 * SECOND),),
    "support": (Limit("account", 30, 2 * MINUTE),),
    "report": (Limit("account", 10, 5 * MINUTE),),
    "invite": (Limit("account", 40, MINUTE),),
    "invited": (Limit("account", 5, 10 * MINUTE),),
    "new_password": (Limit("network", 30, 5 * SECOND),),
    "ask": (Limit("network", 10, 6 * MINUTE),),
    "guess": (Limit("network", 30, 10 * SECOND),),
    "work": (Limit("network", 120, SECOND),),
}


class TooMany(TooManyRequests):
    """Tried too often; `wait` says how long until the next try counts."""

    def __init__(self, wait: dt.timedelta) -> None:
        self.wait = max(wait, SECOND)
        super().__init__(retry_after=int(self.wait.total_seconds()) + 1)


def hit(action: str, account: str = "") -> None:
    """Count a try, before it is made; raises TooMany instead when there were too many."""
    limits = {_key(action, limit, account): limit for limit in LIMITS[action]}
    moment, waits = now(), []
    with as_system("count tries"), write() as session:
        for key in sorted(limits):
            insert_once(Throttle, key=key, count=0, since=moment)
        counters = sa.select(Throttle).where(Throttle.key.in_(limits)).order_by(Throttle.key)
        rows = session.scalars(lock(counters)).all()
        for row in rows:
            limit = limits[row.key]
            _drain(row, limit, moment)
            if row.count >= limit.burst:
                waits.append(row.since + limit.every - moment)
        if not waits:
            for row in rows:
                row.count += 1
    if waits:
        raise TooMany(max(waits))


def person() -> str:
    """Whom to count where most are signed in: the account, for a visitor the network."""
    return str(viewer().id or network(request.remote_addr or "::1"))


def forgive(action: str, account: str) -> None:
    """Take back what was counted for the account: whoever tried has shown that it is theirs."""
    with as_system("forgive tries"), write() as session:
        for limit in sorted(LIMITS[action]):  # the order in which `hit` locks them
            counter = Throttle.key == _key(action, limit, account)
            if limit.per == "network":
                shared = sa.update(Throttle).where(counter, Throttle.count > 0)
                session.execute(shared.values(count=Throttle.count - 1))
            else:
                session.execute(sa.delete(Throttle).where(counter))


def forget(account: str) -> None:
    """Forget what was counted for an account alone, inside a write; the network's counters name nobody."""
    own = [_key(action, one, account) for action in LIMITS for one in LIMITS[action] if one.per == "account"]
    db.session.execute(sa.delete(Throttle).where(Throttle.key.in_(own)))


def network(address: str) -> str:
    """The part of a network address that one household or office shares: IPv4 whole, IPv6 by /64.

    What is no address, as a proxy may pass on, shares one counter: inventing some gives no further tries.
    """
    try:
        alone = re.sub(r"^\[(.*)\](:\d+)?$|^([^:]*):\d+$", r"\1\3", address)  # a proxy may pass on the port
        found = ipaddress.ip_address(alone.partition("%")[0])
    except ValueError:
        return "unknown"
    found = getattr(found, "ipv4_mapped", None) or found
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


def _drain(row: Throttle, limit: Limit, moment: dt.datetime) -> None:
    row.since = min(row.since, moment)  # the clock was set back
    passed = (moment - row.since) // limit.every
    row.count = max(row.count - passed, 0)
    row.since = row.since + passed * limit.every if row.count else moment


def _key(action: str, limit: Limit, account: str) -> str:
    """A name of the counter that tells nobody who it is about."""
    parts = [] if limit.per == "account" else [network((request and request.remote_addr) or "::1")]
    parts += [] if limit.per == "network" else [account]
    secret = str(current_app.secret_key).encode()
    digest = hmac.new(secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()
    return f"{action} {limit.per} {digest[:32]}"
