"""Pictures from anybody: typed by content, bounded in pixels, and made anew without metadata."""

import io
import warnings
from collections.abc import Iterator
from typing import IO

import puremagic
from flask_babel import gettext as _
from PIL import Image, ImageCms, ImageOps

from .files import LARGE, FileError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MOST_PIXELS = 16_000_000  # taken through memory; a JPEG, which is read small, may have four times as many


def decode(data: bytes) -> Image.Image:
    """The first frame of a picture in ordinary colours; raises FileError."""
    if not data:
        raise FileError(_("This file is empty."))
    if not any(kind.startswith("image/") for kind in _types(data)):
        raise FileError(_("This is not a picture that can be shown. JPEG, PNG, WebP and GIF can."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            if _weight(picture) > MOST_PIXELS:
                raise Image.DecompressionBombError
            picture.thumbnail((LARGE, LARGE))
            ImageOps.exif_transpose(picture, in_place=True)
            return _plain(picture)
    except Image.DecompressionBombError as error:
        said = _("This picture is too large: 16 million pixels at most, 64 million in a JPEG.")
        raise FileError(said) from error
    except Exception as error:  # decoders raise anything on hostile bytes
        raise FileError(_("This picture is damaged or not a JPEG, PNG, WebP or GIF.")) from error


def weight(stream: IO[bytes]) -> int:
    """How many pixels opening a picture takes through memory, by its head alone; 0 for what is none."""
    try:
        with warnings.catch_warnings(), Image.open(stream, formats=FORMATS) as picture:
            warnings.simplefilter("ignore")
            return _weight(picture)
    except Exception:  # noqa: BLE001  decoders raise anything on hostile bytes, and `decode` says what is wrong
        return 0
    finally:
        stream.seek(0)


def encode(picture: Image.Image, most: int) -> bytes:
    """The picture as WebP, made smaller in place to at most `most` pixels a side."""
    picture.thumbnail((most, most))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=82)
    return buffer.getvalue()


def _weight(picture: Image.Image) -> int:
    return picture.width * picture.height // (4 if picture.format == "JPEG" else 1)


def _types(data: bytes) -> Iterator[str]:
    try:
        yield from (match.mime_type for match in puremagic.magic_string(data[:4096] + data[-512:]))
    except (puremagic.PureError, ValueError):
        return


def _plain(picture: Image.Image) -> Image.Image:
    """The first frame in ordinary colours, without anything but its pixels."""
    if picture.mode.startswith("I"):  # 16 bits of grey: `convert` would cut them off, not scale them
        picture = picture.point(lambda level: level / 257).convert("L")
        picture.info.pop("transparency", None)
    profile = picture.info.get("icc_profile")
    see_through = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    if profile and picture.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            screen = ImageCms.createProfile("sRGB")
            picture = ImageCms.profileToProfile(picture, source, screen, outputMode="RGB") or picture
        except (ImageCms.PyCMSError, OSError):
            pass
    pixels = picture.convert("RGBA" if see_through else "RGB")
    pixels.info.clear()
    return pixels
