"""Pages travel small, and their size keeps their secrets."""

import gzip

from core.testing import Town

PACKED = {"Accept-Encoding": "gzip"}


def test_a_page_is_packed_for_who_can_unpack_it(town: Town) -> None:
    plain, packed = town.browser().get("/sign-in"), town.browser().get("/sign-in", headers=PACKED)
    assert (plain.content_encoding, packed.content_encoding) == (None, "gzip")
    assert "Accept-Encoding" in plain.vary
    assert "Accept-Encoding" in packed.vary
    assert b"</html>" in gzip.decompress(packed.data)
    assert len(packed.data) < len(plain.data) / 2


def test_the_style_sheet_is_packed_and_stays_known_by_its_tag(town: Town) -> None:
    browser = town.browser()
    with browser.get("/static/parvis.css", headers=PACKED) as first:
        assert first.content_encoding == "gzip"
        known = {**PACKED, "If-None-Match": first.headers["ETag"]}
    with browser.get("/static/parvis.css", headers=known) as again:
        assert (again.status_code, again.data) == (304, b"")


def test_the_size_of_a_page_varies_at_random(town: Town) -> None:
    browser = town.browser()
    assert len({len(browser.get("/legal", headers=PACKED).data) for _ in range(20)}) > 5
