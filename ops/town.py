"""The town that a command acts on, and how a command says that it can't."""

import fcntl
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from flask import Flask

from core import access, create_app, migrate, registry
from core.config import Config
from core.db import db, end_reading

from .application import application

ELSEWHERE = "choose another folder by PARVIS_DATA (make: DATA=)"


class Refusal(click.ClickException):
    """What can't be done, in one line on stderr."""

    def show(self, _file: Any = None) -> None:
        click.echo(f"parvis: {self.message}", err=True)


def settings() -> Config:
    """The settings of the town that a command acts on; what it writes there is for its own user alone."""
    os.umask(0o077)
    return Config.from_env()


def traced(error: BaseException) -> tuple[str, str]:
    """Where in an owner's revisions an error was raised, if it was there, and why."""
    steps = [step for step in traceback.extract_tb(error.__traceback__) if "migrations" in step.filename]
    where = f" at {Path(steps[-1].filename).name}:{steps[-1].lineno}" if steps else ""
    reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
    return where, f"{type(error).__name__}: {reason}"


def close_all() -> None:
    """Give back what this application context reads and writes by, and close every connection."""
    end_reading()
    db.session.remove()
    db.engine.dispose()


@contextmanager
def made(config: Config, new: bool = False) -> Iterator[Flask]:
    """The application, with the rights of the system; Refused where there is no town, and none is to be."""
    if not new:
        refuse_no_folder(config)
    app = create_app(config) if new else application(config)
    with app.app_context(), access.as_system("command line"):
        try:
            yield app
        finally:
            close_all()


@contextmanager
def opened(config: Config, despite: str | None = None) -> Iterator[Flask]:
    """The application on a town that exists and is up to date, `despite` the tables of one plugin."""
    with made(config) as app:
        refuse_no_town(app)
        modules = registry.current().modules
        behind = migrate.behind(db.engine, {name: modules[name] for name in modules if name != despite})
        if behind:
            raise Refusal(f"the tables of {', '.join(behind)} are of another version: run `parvis upgrade`")
        yield app


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one who makes a town there, until it is there or this process ends.

    A folder that is there is held itself, as one may not be allowed to write beside it; else a file there.
    """
    file = folder.parent / f".{folder.name}.lock"
    there = folder.is_dir() and not file.exists()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY) if there else os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        no_folder = isinstance(error, FileExistsError | NotADirectoryError)
        why = f"{folder.parent} is no folder" if no_folder else error.strerror
        raise Refusal(f"{folder} can't be made: {why}; {ELSEWHERE}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield
        finally:
            if not there:
                file.unlink(missing_ok=True)
    except BlockingIOError:
        raise Refusal(f"another command is making {folder}: wait until it is there") from None
    finally:
        os.close(held)


def refuse_no_folder(config: Config) -> None:
    """Refused, before anything is made in it, where the folder is no town's."""
    needed = ["secret-key"] if config.database_url else ["secret-key", "town.db"]
    if (config.data / "town.db").exists() and not (config.data / "secret-key").exists():
        raise Refusal(f"{config.data.absolute()} has lost its secret-key: put it back from a backup")
    if not all((config.data / name).exists() for name in needed):
        raise _none(config)
    for path in (config.data, *(config.data / name for name in needed)):
        if not os.access(path, os.R_OK if path.name == "secret-key" else os.W_OK):
            raise Refusal(f"{path.absolute()} is read-only here, or another user's")


def refuse_no_town(app: Flask) -> None:
    """Refused, unless the database holds a town."""
    if migrate.empty(db.engine):
        raise _none(app.config["PARVIS"])


def _none(config: Config) -> Refusal:
    folder = config.data.absolute()
    return Refusal(f"no town in {folder}: run `parvis init`, or `parvis demo` to look around")
