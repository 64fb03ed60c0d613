"""What a backup has while it runs: hard links to the files it will copy, and the archive that it has begun.

One that was killed leaves both, with the bytes of whoever is erased afterwards. They are cleared by whoever
comes next to `alone`: the next backup, a worker that starts, the daily sweep of files, each erasure.
"""

import fcntl
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LINKS, LOCK = "backup-links", "backup.lock"
UNFINISHED = "unfinished"

log = logging.getLogger("parvis.backup")


@contextmanager
def alone(data: Path, archive: Path | None = None) -> Iterator[None]:
    """Be the one who backs a town up into this archive; raises BlockingIOError while another is."""
    with (data / LOCK).open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(data / LINKS, ignore_errors=True)
        file.seek(0)
        begun = file.read()
        with suppress(OSError):  # a worker may not write there: the next backup may
            if begun:
                Path(f"{begun}.{UNFINISHED}").unlink(missing_ok=True)
            file.truncate(0)
        if archive is not None:
            file.truncate(0)
            file.write(str(archive.absolute()))
            file.flush()
        try:
            yield
        finally:
            if archive is not None:
                file.truncate(0)


def clear(data: Path) -> None:
    """Delete what a backup left that was killed; one that is running clears it itself.

    What another user of the system left is that user's to clear: nothing that calls this fails by it.
    """
    if not (data / LOCK).exists():
        return
    try:
        with suppress(BlockingIOError), alone(data):
            pass
    except OSError as error:
        log.warning(
            "what a backup left can't be cleared", extra={"path": str(data / LOCK), "why": str(error)}
        )
