"""The parts of the town: added, renamed, taken out, and brought in from GeoJSON whole or not at all."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from races import await_lock

from core.access import Refused
from core.db import db, write
from core.models import Area, Space, User
from portal.admin import actions, areas

if TYPE_CHECKING:
    from concurrent.futures import Future

    from core.testing import Browser, Town

SQUARE = [[4.8, 45.7], [4.9, 45.7], [4.9, 45.8], [4.8, 45.7]]


@pytest.fixture
def admin(town: Town) -> Browser:
    return town.browser("adele", role="administrator")


def tree(town: Town) -> list[tuple[str, str, bool]]:
    """Names, paths and whether a border is known, from the top."""

    def rows() -> list[Any]:
        return [
            (area.name, area.path, area.boundary is not None)
            for area in db.session.scalars(sa.select(Area).order_by(Area.path))
        ]

    return list(town.run(rows))


def feature(name: str, ring: Any = SQUARE, kind: str = "Polygon") -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"nom": name},
        "geometry": {"type": kind, "coordinates": [ring] if kind == "Polygon" else [[ring]]},
    }


def bring(admin: Browser, content: object, **fields: Any) -> Any:
    """Send a file of areas."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    values = {"file-level": "commune", "file-parent_id": "0", **fields}
    return admin.submit(
        "/admin/areas/import", "/admin/areas", **{"file-file": (io.BytesIO(data), "areas.geojson"), **values}
    )


def test_areas_are_added_inside_one_another_renamed_and_taken_out(town: Town, admin: Browser) -> None:
    assert (
        admin.submit("/admin/areas", name="Vallée", level="agglomeration", parent_id="0").status_code == 302
    )
    [(_, path, _)] = tree(town)
    top = path.strip("/")
    assert admin.submit("/admin/areas", name="Rive", level="commune", parent_id=top).status_code == 302
    assert "already" in admin.submit("/admin/areas", name="RIVE", level="commune", parent_id=top).text
    assert "can’t lie in" in admin.submit("/admin/areas", name="X", level="agglomeration", parent_id=top).text
    [_, (_, inner, _)] = tree(town)
    assert inner.startswith(path)
    assert admin.submit(f"/admin/areas/{top}", name="Grande vallée").status_code == 302
    admin.submit(f"/admin/areas/{top}/remove", "/admin/areas")
    assert len(tree(town)) == 2
    assert admin.submit(f"/admin/areas/{inner.split('/')[2]}/remove", "/admin/areas").status_code == 302
    assert [row[0] for row in tree(town)] == ["Grande vallée"]


def test_an_area_takes_no_name_of_one_beside_it(town: Town, admin: Browser) -> None:
    rive, hauts = town.area("Rive"), town.area("Les Hauts")
    refused = admin.submit(f"/admin/areas/{hauts}", name="RIVE")
    assert "There is an area of this name already." in refused.text
    assert [row[0] for row in tree(town)] == ["Rive", "Les Hauts"]
    assert admin.submit(f"/admin/areas/{rive}", name="RIVE").status_code == 302, "its own, written otherwise"
    assert [row[0] for row in tree(town)] == ["RIVE", "Les Hauts"]


@pytest.mark.parametrize(("level", "parent"), [("galaxy", None), ("commune", 999)])
def test_an_unknown_level_or_place_is_refused_with_a_message(
    town: Town, level: str, parent: int | None
) -> None:
    with pytest.raises(Refused, match=r"niveau|n’existe plus"):
        town.run(lambda: areas.add([("Rive", None)], level, parent))
    assert tree(town) == []


def test_an_area_in_which_somebody_lives_stays(town: Town, admin: Browser) -> None:
    area = town.area("Rive")
    town.person("zoe", area_id=area)
    admin.submit(f"/admin/areas/{area}/remove", "/admin/areas")
    assert "belong to Rive" in admin.get("/admin/areas").text
    assert [row[0] for row in tree(town)] == ["Rive"]


def test_a_file_of_areas_is_taken_in_and_the_same_again_adds_nothing(town: Town, admin: Browser) -> None:
    file = {
        "type": "FeatureCollection",
        "features": [feature("Rive"), feature("Les Hauts", kind="MultiPolygon")],
    }
    assert bring(admin, file).status_code == 302
    assert bring(admin, b"\xef\xbb\xbf" + json.dumps(file).encode()).status_code == 302
    assert sorted((name, drawn) for name, _path, drawn in tree(town)) == [("Les Hauts", True), ("Rive", True)]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(b"\xff\xfe", id="bytes"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param([], id="list"),
        pytest.param({"type": "FeatureCollection", "features": []}, id="empty"),
        pytest.param({"type": "FeatureCollection", "features": [feature("A"), {}]}, id="second"),
        pytest.param(feature(""), id="nameless"),
        pytest.param(feature("A" * 121), id="long"),
        pytest.param(feature("A", SQUARE[:3]), id="open"),
        pytest.param(feature("A", [[900000, 6500000]] * 4), id="metres"),
        pytest.param(feature("A", [["4", "45"]] * 4), id="texts"),
        pytest.param(feature("A", kind="Point"), id="point"),
        pytest.param({**feature("A"), "properties": None}, id="no properties"),
        pytest.param(feature("A\ud800"), id="surrogate"),
        pytest.param(feature("A", [[10**400, 1]] * 4), id="far"),
        pytest.param(feature("A", [[4, 45, "high"]] * 4), id="height"),
        pytest.param({**feature("A"), "geometry": {"type": "Polygon", "coordinates": []}}, id="no ring"),
        pytest.param(feature("A", [SQUARE[0]] * 101), id="detailed"),
        pytest.param(
            b'{"type":"Feature","properties":{"nom":"A"},"geometry":{"type":"Polygon","coordinates":[[[NaN,1],[1,1],[1,2],[NaN,1]]]}}',
            id="nan",
        ),
    ],
)
def test_a_wrong_file_is_refused_whole(
    town: Town, admin: Browser, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(areas, "CORNERS", 100)
    answer = bring(admin, wrong)
    assert answer.status_code == 200
    assert "Something needs correcting" in answer.text
    assert tree(town) == []


@pytest.mark.parametrize("role", ["resident", "official", "agent"])
def test_others_change_nothing(town: Town, role: str) -> None:
    area = town.area("Rive")
    browser = town.browser("sam", role)
    for path in ("", f"/{area}", f"/{area}/remove", "/import"):
        assert browser.client.post(f"/admin/areas{path}").status_code in (400, 403)
    assert browser.get("/admin/areas").status_code == 403
    assert [row[0] for row in tree(town)] == ["Rive"]


def given(town: Town, area: int) -> None:
    """Make the agent `nora` one for this area."""
    values: dict[str, Any] = dict.fromkeys(("mandate", "list_name", "portfolio"))
    actions.set_person(town.person("nora"), role="agent", area_id=area, **values)


def area_of(town: Town, name: str) -> int | None:
    """The area of a person."""
    theirs = sa.select(User.area_id).where(User.id == town.person(name))
    found: int | None = town.run(lambda: db.session.scalar(theirs))
    return found


def test_an_area_is_not_taken_out_while_somebody_is_given_it(town: Town, admin: Browser) -> None:
    area, sides = town.area("Belleroche"), [threading.Event(), threading.Event()]
    town.person("nora", "agent", area_id=town.area("Sautelle"))

    def give() -> None:
        with write():
            given(town, area)
            sides[0].set()
            sides[1].wait(1)  # the other waits for this to end

    def take_out() -> None:
        assert sides[0].wait(20)
        admin.submit(f"/admin/areas/{area}/remove", "/me")
        sides[1].set()

    with ThreadPoolExecutor() as pool:
        for done in (pool.submit(town.run, give, "adele"), pool.submit(take_out)):
            done.result()
    assert area_of(town, "nora") == area


@pytest.mark.engines
def test_an_area_is_not_taken_out_while_a_space_is_made_in_it(town: Town, admin: Browser) -> None:
    area, square = town.area("Belleroche"), town.space("Square", "adele")

    def make() -> Future[Any]:
        with write() as session:
            session.get(Space, square).area_id = area
            session.flush()
            removal = pool.submit(admin.submit, f"/admin/areas/{area}/remove", "/me")
            await_lock(removal)
        return removal

    with ThreadPoolExecutor(1) as pool:
        town.run(make, "adele").result()
    assert town.run(lambda: db.session.get(Space, square).area_id, "adele") == area
    assert len(tree(town)) == 1


def test_nobody_is_given_an_area_that_is_being_taken_out(town: Town, admin: Browser) -> None:
    area, other = town.area("Belleroche"), town.area("Sautelle")
    town.person("nora", "agent", area_id=other)
    assert admin.submit(f"/admin/areas/{area}/remove", "/me").status_code == 302
    with pytest.raises(Refused, match="n’existe plus"):
        town.run(lambda: given(town, area), "adele")
    assert area_of(town, "nora") == other
