"""The archive of a backup: a ZIP whose `manifest.json` names every other member, its size and its SHA-256.

A ZIP and not a tar: its list of members is read before any of them is, and it has no links, devices or sparse
files to beware of. Nothing is ever unpacked by the names in an archive, only by names that `NAMES` allows.
"""

import datetime as dt
import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

FORMAT = 1
MANIFEST = "manifest.json"
LARGEST_MANIFEST, MOST_VALUES = 4 * 1024**2, 100_000  # beside what it says of each member
OF_MEMBER, VALUES_OF_MEMBER = 256, 8
CHUNK = 1024**2
MOST_NUMBER = 10**9  # that a table counts to: no address of the portal has more digits
AHEAD = dt.timedelta(days=1)  # that another machine's clock may be
NAMES = re.compile(
    r"secret-key|rows/[a-z][a-z0-9_]{0,62}\.jsonl|files/([0-9a-f]{2})/\1[0-9a-f]{62}(-[0-9]{1,5})?"
)
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


class ArchiveError(Exception):
    """An archive that is damaged, or that no backup wrote."""


def values(data: bytes) -> int:
    """About how many values JSON holds, each of which takes many times its bytes once it is read."""
    return sum(map(data.count, (b",", b"[", b"{")))


class Writer:
    """Writes members one after the other, and the manifest at the end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self.members: dict[str, list[Any]] = {}

    @contextmanager
    def member(self, name: str, packed: bool = True) -> Iterator[Callable[[bytes], None]]:
        """A function that appends to a new member; pictures need no packing."""
        digest, size = hashlib.sha256(), 0
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        with self._zip.open(info, "w", force_zip64=True) as member:

            def append(data: bytes) -> None:
                nonlocal size
                member.write(data)
                digest.update(data)
                size += len(data)

            yield append
        self.members[name] = [size, digest.hexdigest()]

    def finish(self, **facts: Any) -> None:
        """Write the manifest with these facts: without one it is no archive."""
        manifest = {"format": FORMAT, **facts, "members": self.members}
        self._zip.writestr(MANIFEST, json.dumps(manifest, indent=1), zipfile.ZIP_DEFLATED)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        with suppress(*((OSError, ValueError) if error else ())):
            self._zip.close()


class Reader:
    """Reads an archive that may be hostile: checks its manifest when opened, each member when read."""

    def __init__(self, path: Path, room: int) -> None:
        """`room` is how many bytes there may be in all."""
        with _damage():
            self._zip = zipfile.ZipFile(path)
            try:
                self.manifest = self._manifest()
                self.taken_at = _past(self.manifest["taken_at"])
                self._compare(room)
            except BaseException:
                self._zip.close()
                raise

    @property
    def members(self) -> dict[str, list[Any]]:
        """Size and SHA-256 of each member by its name."""
        found: dict[str, list[Any]] = self.manifest["members"]
        return found

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, piece by piece; raises ArchiveError where they are not what was promised."""
        size, promised = self.members[name]
        digest, left = hashlib.sha256(), size
        with _damage(), self._zip.open(name) as member:
            while data := member.read(CHUNK):
                left -= len(data)
                if left < 0:
                    raise ArchiveError(f"{name} is larger than the manifest says")
                digest.update(data)
                yield data
        if left or digest.hexdigest() != promised:
            raise ArchiveError(f"{name} is damaged: its checksum is not that of the manifest")

    def verify(self) -> None:
        """Read everything once; raises ArchiveError at the first damage."""
        for name in self.members:
            for _ in self.read(name):
                pass

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _manifest(self) -> dict[str, Any]:
        infos = [info for info in self._zip.infolist() if info.filename == MANIFEST]
        if len(infos) != 1:
            raise ArchiveError("it has no manifest: no backup of Parvis")
        _refuse_packing(infos[0])
        members = len(self._zip.infolist())
        most = LARGEST_MANIFEST + OF_MEMBER * members
        with self._zip.open(infos[0]) as member:
            data = member.read(most + 1)
        if len(data) > most or values(data) > MOST_VALUES + VALUES_OF_MEMBER * members:
            raise ArchiveError("its manifest is too large")
        manifest = json.loads(data)
        json.dumps(manifest, ensure_ascii=False).encode()  # raises where half a sign is in it
        if not isinstance(manifest, dict) or not _sound(manifest):
            raise ArchiveError("its manifest says something else than a backup's")
        if manifest["format"] != FORMAT:
            raise ArchiveError(f"its format is {manifest['format']}, this version reads {FORMAT}")
        return manifest

    def _compare(self, room: int) -> None:
        """The members are exactly those of the manifest, under names that a backup gives, and fit."""
        infos = [info for info in self._zip.infolist() if info.filename != MANIFEST]
        names = [info.filename for info in infos]
        strange = [name for name in (*names, *self.members) if not NAMES.fullmatch(name)]
        if strange:
            raise ArchiveError(f"{strange[0]!r} is no name that a backup gives")
        if len(set(names)) != len(names) or set(names) != self.members.keys():
            raise ArchiveError("its members are not those of its manifest")
        if {f"rows/{name}.jsonl" for name in self.manifest["tables"]} != {
            name for name in names if name.startswith("rows/")
        }:
            raise ArchiveError("its tables are not those of its manifest")
        for info in infos:
            _refuse_packing(info)
            if info.external_attr >> 16 & 0o170000 not in (0, 0o100000):
                raise ArchiveError(f"{info.filename} is no plain file")
            name, tied = info.filename.rpartition("/")[2], info.filename.startswith("files/")
            if tied and "-" not in name and name != self.members[info.filename][1]:
                raise ArchiveError(f"{info.filename} holds something else than its name says")
            if info.file_size != self.members[info.filename][0]:
                raise ArchiveError(f"{info.filename} has another size than the manifest says")
        if sum(size for size, _ in self.members.values()) > room:
            raise ArchiveError("it holds more than there is room for")


def _refuse_packing(info: zipfile.ZipInfo) -> None:
    """Raise ArchiveError where a member needs a password, or is packed in a way that no backup uses."""
    if info.compress_type not in METHODS or info.flag_bits & 1:
        raise ArchiveError(f"{info.filename} is packed as no backup packs")


def _sound(manifest: dict[str, Any]) -> bool:
    """Whether each fact of a manifest has its type."""
    texts = all(isinstance(manifest.get(key), str) for key in ("parvis", "engine", "taken_at"))
    maps = all(isinstance(manifest.get(key), dict) for key in ("heads", "tables", "sequences", "members"))
    if not texts or not maps or not isinstance(manifest.get("format"), int):
        return False
    return (
        all(isinstance(head, str) for head in manifest["heads"].values())
        and all(isinstance(last, int) and 0 <= last < MOST_NUMBER for last in manifest["sequences"].values())
        and all(
            isinstance(columns, list)
            and all(isinstance(column, str) for column in columns)
            and len(set(columns)) == len(columns)
            for columns in manifest["tables"].values()
        )
        and all(
            isinstance(member, list)
            and len(member) == 2
            and isinstance(member[0], int)
            and member[0] >= 0
            and isinstance(member[1], str)
            for member in manifest["members"].values()
        )
    )


def _past(text: str) -> dt.datetime:
    """The moment that a manifest says, which has a time zone and has been; raises ArchiveError."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.year < 2000 or moment - dt.datetime.now(dt.UTC) > AHEAD:
        raise ArchiveError(f"it was taken at {text}, which is no moment in the past")
    return moment


@contextmanager
def _damage() -> Iterator[None]:
    """Whatever reading a damaged archive raises is an ArchiveError."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        RecursionError,
        NotImplementedError,
    ) as error:
        raise ArchiveError(f"it is damaged: {error}") from error
