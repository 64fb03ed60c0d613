"""Where the demonstration town is made: at the first start, by one command alone, whole or not at all."""

import shutil
from dataclasses import replace

import click

from core.config import Config
from demo import build

from .town import ELSEWHERE, Refusal, alone, made


def prepare(config: Config) -> None:
    """Have a demonstration town where the settings say; Refused where there is something else."""
    with alone(config.data.absolute()):
        try:
            _prepare(config)
        except build.HalfMade as error:
            raise Refusal(str(error)) from error
        except build.NotHere as error:
            raise Refusal(f"{error}; {ELSEWHERE}") from error


def _prepare(config: Config) -> None:
    if config.database_url or (config.data / "town.db").exists():
        _fill(config)
        return
    if config.data.is_symlink() and not config.data.exists():
        raise build.NotHere(f"{config.data} is a link to nothing")
    if config.data.exists() and (not config.data.is_dir() or any(config.data.iterdir())):
        raise build.NotHere(f"{config.data} holds something else")
    making = config.data.with_name(config.data.name + ".new")
    shutil.rmtree(making, ignore_errors=True)
    try:
        making.mkdir()
    except OSError as error:
        raise build.NotHere(f"{making}, where it is made first, can't be made: {error.strerror}") from error
    click.echo("Making the demonstration town: people, spaces, pictures ...")
    _fill(replace(config, data=making))
    making.rename(config.data)


def _fill(config: Config) -> None:
    with made(config, new=True):
        build.fill()
