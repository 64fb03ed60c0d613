"""Pictures: typed by content, bounded, without metadata; served to those who may read what they hang on."""

import io
import os
import struct
import zlib
from collections.abc import Callable

import pytest
from flask import Flask
from PIL import Image, ImageCms, PngImagePlugin
from werkzeug.datastructures import FileStorage

from core import access, files, pictures
from core.db import db, write
from core.feed import actions as feed
from core.models import Entry, File, Space
from core.spaces import actions as spaces
from core.testing import Town
from portal.files import sweep

pytest_plugins = ["core.testing"]


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(size: tuple[int, int] = (60, 40), colour: str = "teal") -> Image.Image:
    return Image.new("RGB", size, colour)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_that_says(width: int, height: int) -> bytes:
    """A tiny PNG whose header promises these dimensions: a bomb when believed."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 4096)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("options", [{}, {"transparency": 60_000}])
def test_sixteen_bits_of_grey_keep_their_levels(options: dict[str, int]) -> None:
    grey = Image.new("I;16", (256, 2))
    for level in range(256):
        for y in (0, 1):
            grey.putpixel((level, y), level * 257)
    kept = pictures.decode(encoded(grey, "PNG", **options))
    shown = [kept.convert("RGB").getpixel((level, 0)) for level in range(256)]
    assert all(abs(level - light) <= 1 for level, (light, *_same) in enumerate(shown))


def text_bomb() -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("comment", "0" * (2 * 1024 * 1024), zip=True)
    return encoded(photo((8, 8)), "PNG", pnginfo=notes)


REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"just words",
    "html": lambda: b"<!doctype html><script>alert(1)</script>",
    "svg": lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
    "svg after a png signature": lambda: b"\x89PNG\r\n\x1a\n<svg onload='alert(1)'/>",
    "truncated png": lambda: encoded(photo((400, 400)), "PNG")[:200],
    "truncated jpeg": lambda: encoded(Image.effect_noise((400, 400), 90), "JPEG")[:3000],
    "truncated gif": lambda: encoded(photo(), "GIF")[:20],
    "zip": lambda: b"PK\x03\x04" + bytes(60),
    "pdf": lambda: b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "tiff": lambda: encoded(photo(), "TIFF"),
    "bmp": lambda: encoded(photo(), "BMP"),
    "huge dimensions": lambda: png_that_says(50_000, 50_000),
    "one side too long": lambda: png_that_says(2_000_000_000, 1),
    "just above 16 megapixels": lambda: encoded(Image.new("1", (4000, 4001)), "PNG"),
    "just above 64 megapixels in a JPEG": lambda: encoded(Image.new("L", (8000, 8001)), "JPEG"),
    "compressed text bomb": text_bomb,
}


def test_what_is_no_sound_picture_is_refused_with_a_message(app: Flask) -> None:
    with app.test_request_context():
        for name, data in REFUSED.items():
            with pytest.raises(files.FileError) as refusal:
                pytest.fail(f"{name}: {files.prepare(FileStorage(io.BytesIO(data()), 'holiday.png'))}")
            assert str(refusal.value).endswith("."), name
        assert stored(app) == []


def stored(app: Flask) -> list[str]:
    return sorted(path.name for path in files.folder(app).rglob("*") if path.is_file())


def prepared(app: Flask, data: bytes, name: str = "holiday.png") -> tuple[files.Prepared, Image.Image]:
    with app.test_request_context():
        result = files.prepare(FileStorage(io.BytesIO(data), name))
        kept = (files.folder(app) / result.sha256[:2] / result.sha256).read_bytes()
    picture = Image.open(io.BytesIO(kept))
    picture.load()
    assert picture.format == "WEBP"
    assert picture.size == (result.width, result.height)
    return result, picture


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine: pictures are the same on both."""
    return sqlite_url


def test_formats_that_browsers_show_are_taken(app: Flask) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        result, picture = prepared(app, encoded(photo(), kind), "wrong name.exe")
        assert result.name == "wrong_name.webp"
        assert picture.size == (60, 40)


def test_the_largest_pictures_of_phones_are_taken_and_made_small(app: Flask) -> None:
    for size in ((8160, 6120), (6120, 8160)):
        _result, picture = prepared(app, encoded(Image.new("L", size, 90), "JPEG"))
        assert max(picture.size) == files.LARGE


def test_metadata_is_gone_and_orientation_applied(app: Flask) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "canary description"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    data = encoded(photo((60, 40)), "JPEG", exif=exif, comment=b"canary comment", xmp=b"<x>canary</x>")
    assert b"canary" in data
    result, picture = prepared(app, data)
    kept = (files.folder(app) / result.sha256[:2] / result.sha256).read_bytes()
    assert picture.size == (40, 60)
    assert not picture.getexif()
    assert b"canary" not in kept
    assert b"EXIF" not in kept


def test_colours_are_turned_into_those_of_screens(app: Flask) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"not a profile at all", srgb[:100]):
        _result, picture = prepared(app, encoded(photo(), "JPEG", icc_profile=profile))
        assert "icc_profile" not in picture.info
    _result, picture = prepared(app, encoded(Image.new("CMYK", (9, 9)), "JPEG"))
    assert picture.mode == "RGB"


def test_transparency_stays_and_movement_stops(app: Flask) -> None:
    _result, clear = prepared(app, encoded(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG"))
    assert clear.mode == "RGBA"
    frames = [photo(colour=colour) for colour in ("red", "green", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        _result, still = prepared(app, data)
        assert getattr(still, "n_frames", 1) == 1


def test_what_hides_behind_a_picture_is_left_out(app: Flask) -> None:
    for tail in (b"<script>canary</script>", b"PK\x03\x04canary", b"%PDF-1.7 canary"):
        result, _picture = prepared(app, encoded(photo(), "JPEG") + tail)
        kept = (files.folder(app) / result.sha256[:2] / result.sha256).read_bytes()
        assert b"canary" not in kept


def test_large_pictures_are_made_smaller_and_have_a_small_version(app: Flask) -> None:
    result, _picture = prepared(app, encoded(photo((3000, 1500)), "PNG"))
    assert (result.width, result.height) == (2000, 1000)
    assert f"{result.sha256}-640" in stored(app)
    assert not [name for name in stored(app) if "." in name]


def post_with_picture(town: Town, visibility: str) -> tuple[int, str]:
    """The id and picture address of a post in a space of olga's."""
    town.person("olga", "agent")

    def work() -> tuple[int, str]:
        space = spaces.create_space("core.group", "Space", visibility=visibility)
        picture = files.prepare(FileStorage(io.BytesIO(encoded(photo((900, 600)), "PNG")), "view.png"))
        entry = feed.publish(db.session.get(Space, space.id), "Look", pictures=[(picture, "A view")])
        file = db.session.scalars(db.select(File).where(File.entry_id == entry.id)).one()
        return entry.id, files.address(file.id, file.name)

    result: tuple[int, str] = town.run(work, "olga")
    return result


def test_the_door_follows_the_audience(town: Town) -> None:
    entry_id, public = post_with_picture(town, "public")
    _other, private = post_with_picture(town, "members")
    shown = town.browser().get(public)
    assert shown.status_code == 200
    assert shown.content_type == "image/webp"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Disposition"] == "inline; filename=view.webp"
    assert "public" in shown.headers["Cache-Control"]
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    small = town.browser().get(public + "?w=640")
    assert Image.open(io.BytesIO(small.data)).size == (640, 427)
    assert town.browser().get(public.replace("view", "other")).status_code == 404
    assert town.browser().get(private).status_code == 404
    assert town.browser("ana").get(private).status_code == 404
    own = town.browser("olga").get(private)
    assert own.status_code == 200
    assert "private" in own.headers["Cache-Control"]
    town.run(lambda: feed.hide(db.session.get(Entry, entry_id)), "olga")
    assert town.browser().get(public).status_code == 404
    assert town.browser("olga").get(public).headers["Cache-Control"].startswith("private")


def test_an_address_that_was_kept_opens_nothing_to_whoever_was_removed(town: Town) -> None:
    entry_id, address = post_with_picture(town, "members")
    person = {town.person("ana"): "member"}

    def belongs(members: dict[int, str]) -> None:
        space = db.session.get(Space, db.session.get(Entry, entry_id).space_id)
        spaces.set_members(space, "test", members)

    ana = town.browser("ana")
    for members, status in ((person, 200), ({}, 404), (person, 200)):
        town.run(lambda members=members: belongs(members))  # type: ignore[misc]
        assert [ana.get(address + size).status_code for size in ("", "?w=640")] == [status] * 2


@pytest.mark.parametrize("asked", ["x", "bytes=", "bytes=0-1,2-3", "lines=0-1", "bytes=9-1", "bytes=0-1"])
def test_what_is_no_single_range_is_sent_whole(town: Town, asked: str) -> None:
    status = 206 if asked == "bytes=0-1" else 200
    with town.browser("ana").get("/static/parvis.css", headers={"Range": asked}) as answer:
        assert (answer.status_code, len(answer.data) == 2) == (status, status == 206)


def test_bytes_that_no_row_names_are_swept_after_a_day(town: Town) -> None:
    _entry, url = post_with_picture(town, "public")
    kept = stored(town.app)
    prepared(town.app, encoded(photo((5, 5), "red"), "PNG"))
    assert len(stored(town.app)) == len(kept) + 1
    town.run(sweep)
    assert len(stored(town.app)) == len(kept) + 1
    for path in files.folder(town.app).rglob("*"):
        os.utime(path, (0, 0))
    town.run(sweep)
    assert stored(town.app) == kept
    assert town.browser().get(url).status_code == 200


def test_a_persons_picture_is_replaced_not_added(town: Town) -> None:
    ana = town.person("ana")

    def work() -> None:
        for colour in ("red", "blue"):
            picture = files.prepare(
                FileStorage(io.BytesIO(encoded(photo(colour=colour), "PNG")), "me.png"), 320
            )
            with write():
                files.set_picture(ana, picture)

    town.run(work, "ana")
    with town.app.app_context(), access.as_system("test"):
        assert (
            db.session.scalar(db.select(db.func.count()).select_from(File).where(File.profile_of == ana)) == 1
        )
