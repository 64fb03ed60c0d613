"""Passwords: hashing, and verification that takes the same work for everybody."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def digest(password: str) -> str:
    """The Argon2 hash to keep; slow on purpose, so never inside a write."""
    return hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether the password fits the kept hash; without one, the same work is done in vain."""
    try:
        return hasher.verify(kept or _nobodys(hasher), password) and kept is not None
    except VerificationError:
        return False


def outdated(kept: str) -> bool:
    """Whether the hash was made with other costs than today's."""
    return hasher.check_needs_rehash(kept)


@cache
def _nobodys(_hasher: PasswordHasher) -> str:
    return _hasher.hash("nobody")
