"""Stored files: bytes that rows name, attached to what they belong to."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from flask import Flask, current_app
from werkzeug.datastructures import FileStorage
from werkzeug.utils import secure_filename

from . import access
from .config import KEY
from .db import after_commit, db
from .models import Entry, File

LARGE, SMALL, FACE = 2000, 640, 320


class FileError(Exception):
    """A file that can't be taken; the message tells the person why."""


@dataclass(frozen=True)
class Prepared:
    """A picture that is safely in the data folder and may be attached by a row."""

    name: str
    sha256: str
    size: int
    width: int
    height: int
    bytes_at: dict[Path, bytes] = field(repr=False, compare=False)
    type: str = field(default="image/webp")


def init(app: Flask) -> None:
    """Make the folder where the bytes of files are kept."""
    folder(app).mkdir(parents=True, exist_ok=True)


def folder(app: Flask | None = None) -> Path:
    """Where the bytes of files are kept."""
    return Path((app or current_app).config["PARVIS"].data, "files")


def prepare(upload: FileStorage, most: int = LARGE) -> Prepared:
    """Check and re-encode an uploaded picture, at most `most` pixels a side, and store its bytes.

    Done before the write; bytes that no row comes to name are swept a day later. Raises FileError.
    """
    from . import pictures  # the library behind it is dear to load, and most pages need none of it

    picture = pictures.decode(upload.stream.read())
    whole = pictures.encode(picture, most)
    key = hashlib.sha256(whole).hexdigest()
    stem = secure_filename(Path(upload.filename or "").stem)[:80] or "picture"
    size, bytes_at = picture.size, {stored(key): whole}
    if max(picture.size) > SMALL:
        bytes_at[stored(key, small=True)] = pictures.encode(picture, SMALL)
    for path, data in bytes_at.items():
        _store(path, data)
    return Prepared(f"{stem}.webp", key, len(whole), *size, bytes_at)


def attach(entry: Entry | None, prepared: Prepared, alt: str = "") -> File:
    """Hang a prepared picture on an entry, whose audience it follows; on none it is the town's, public."""
    return _row(prepared, entry_id=entry and entry.id, alt=alt)


def set_picture(user_id: int, prepared: Prepared | None) -> File | None:
    """Make this the person's picture in place of the one before; None takes it away."""
    db.session.execute(sa.delete(File).where(File.profile_of == user_id))
    return _row(prepared, profile_of=user_id) if prepared else None


def address(file_id: int, name: str, small: bool = False) -> str:
    """The address of a stored file, or of its small version."""
    return f"/files/{file_id}/{name}" + (f"?w={SMALL}" if small else "")


def stored(key: str, small: bool = False) -> Path:
    """Where the bytes of a file with this SHA-256 are; raises FileNotFoundError where it is none.

    Whatever a row says, nothing outside of the folder is named.
    """
    if not KEY.fullmatch(key.encode(errors="replace")):
        raise FileNotFoundError(f"{key!r} is not 64 hex digits")
    return folder() / key[:2] / (f"{key}-{SMALL}" if small else key)


def _store(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(path, secrets.token_hex(4)) as file:
        file.write(data)


@contextmanager
def unfinished(path: Path, ending: str = "unfinished") -> Iterator[IO[bytes]]:
    """A file for its owner alone that gets its name once it is whole and on the disk."""
    temporary = path.with_name(f"{path.name}.{ending}")
    try:
        with os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    shelf = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(shelf)
    finally:
        os.close(shelf)


def _row(prepared: Prepared, **place: object) -> File:
    same = ("name", "sha256", "type", "size", "width", "height")
    file = File(uploader_id=access.viewer().id, **{one: getattr(prepared, one) for one in same}, **place)
    db.session.add(file)
    after_commit(lambda: _store_again(prepared))
    return file


def _store_again(prepared: Prepared) -> None:
    """Store what somebody who found it named by no row deleted, between its preparation and its row."""
    for path, data in prepared.bytes_at.items():
        if not path.exists():
            _store(path, data)
