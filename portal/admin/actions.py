"""What the agency does: set the town up, give roles, switch plugins. Each is one write."""

from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core import access, files, registry, settings
from core.accounts import sessions
from core.audit import audit
from core.db import db, lock, now, write
from core.models import Area, File, JobRow, Membership, SignIn, User

from ..accounts import factor

ECHOED = ("name", "second_factor")  # what the log says in full; of other settings that they changed


class LastAdministrator(Exception):
    """The only administrator can't lose the role: nobody could give it back."""


def save_town(values: dict[str, Any], logo: Any = None, no_logo: bool = False) -> None:
    """Keep the town's settings, with a new logo (a prepared picture), without one, or as it was.

    The log names what is changed by it; nothing is written where nothing is.
    """
    access.require("core.manage_town")
    with write():
        town = settings.town()
        changed = [name for name, value in values.items() if _lines(getattr(town, name)) != _lines(value)]
        if logo is not None or (no_logo and town.logo_id is not None):
            changed.append("logo")
        if not changed:
            return
        picture = {"logo_id": town.logo_id, "logo_url": town.logo_url}
        if "logo" in changed and town.logo_id is not None:
            db.session.execute(sa.delete(File).where(File.id == town.logo_id))
            picture = {"logo_id": None, "logo_url": ""}
        if logo is not None:
            row = files.attach(None, logo, "")
            db.session.flush()
            picture = {"logo_id": row.id, "logo_url": files.address(row.id, row.name)}
        settings.save(settings.TOWN, {**values, **picture})
        audit(
            "town.changed",
            "town",
            **{name: values[name] for name in changed if name in ECHOED},
            fields=sorted(changed),
        )
        if values.get("second_factor"):
            _end_unguarded()


def _lines(value: Any) -> Any:
    """A text with line ends as we write them: those of browsers are no change."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _end_unguarded() -> None:
    """End the sign-ins of those who need a second factor from now on and have none, open streams included."""
    bare = sa.select(User.id).where(User.role.in_(sessions.GUARDED), ~sessions.has_factor(User.id))
    with access.as_system("a second factor is asked for from now on"):
        db.session.execute(sa.delete(SignIn).where(SignIn.user_id.in_(bare)))


def reset_factor(user_id: int) -> None:
    """Remove the second factor of somebody else; one's own is removed with a code, in one's settings."""
    access.require("core.manage_people")
    if user_id == access.viewer().id:
        raise access.Forbidden("core.manage_people")
    with write():
        factor.forget_factor(user_id, "reset")
        audit("factor.reset", f"user/{user_id}")


def set_person(user_id: int, **values: Any) -> None:
    """Give somebody a role, mandate, list, portfolio and area; a new role ends their sign-ins.

    Refused where the area is not there any more: without one a role would reach the whole town.
    """
    access.require("core.manage_people")
    with write() as session:
        administrators = session.scalars(
            lock(
                sa.select(User.id)
                .where(User.role == "administrator", User.closed_at.is_(None))
                .order_by(User.id)
            )
        ).all()
        area = sa.select(Area.id).where(Area.id == values["area_id"])
        if values["area_id"] is not None and session.scalars(lock(area)).first() is None:
            raise access.Refused(_("This area is not there any more."))
        user = session.get(User, user_id)
        if user.role == "administrator" and values["role"] != "administrator" and len(administrators) < 2:
            raise LastAdministrator
        moved = user.role != values["role"]
        for name, value in values.items():
            setattr(user, name, value)
        audit("person.role", f"user/{user_id}", role=values["role"], mandate=values.get("mandate"))
        session.flush()
        if moved:
            sessions.sign_out_everywhere(user.id, but_here=True)
            given = Membership.user_id == user.id, Membership.team, Membership.source != "core"
            with access.as_system("what rules gave to the old role ends with it"):
                session.execute(sa.delete(Membership).where(*given))
        for _answer in registry.current().call("user_changed", user=user, change="role"):
            pass


def switch_plugin(name: str, on: bool) -> None:
    """Enable or disable a plugin; one that protects the portal is for administrators.

    Refused for one whose tables wait for `parvis upgrade`.
    """
    require_switch(name)
    if on and _tables_wait(name):
        raise access.Refused(
            _("Its tables are not ready: a systems engineer runs “parvis upgrade” on the server.")
        )
    with write():
        audit("plugin.on" if on else "plugin.off", f"plugin/{name}")
        registry.current().switch(name, on)


def _tables_wait(name: str) -> bool:
    from core import migrate  # Alembic is dear to load

    module = registry.current().modules[name]
    return module.plugin.table_prefix in migrate.behind(db.engine, {name: module})


def save_plugin_settings(name: str, values: dict[str, Any]) -> None:
    """Keep what staff chose in a plugin's settings form."""
    require_switch(name)
    with write():
        settings.save(name, values)
        audit("plugin.settings", f"plugin/{name}", fields=sorted(values))


def require_switch(name: str) -> None:
    """Raise Forbidden unless the viewer may switch this plugin and change its settings."""
    access.require("core.switch_plugins")
    if registry.current().installed[name].protects:
        access.require("core.switch_protection")


def retry_job(number: int) -> bool:
    """Let a job that gave up begin anew; says whether there was one."""
    access.require("core.operate")
    failed = sa.update(JobRow).where(JobRow.id == number, JobRow.state == "failed").returning(JobRow.id)
    with write() as session:
        anew = session.execute(failed.values(state="waiting", attempts=0, run_at=now(), error=""))
        return anew.first() is not None


def drop_job(number: int) -> bool:
    """Forget a job that gave up; says whether there was one."""
    access.require("core.operate")
    failed = sa.delete(JobRow).where(JobRow.id == number, JobRow.state == "failed").returning(JobRow.id)
    with write() as session:
        return session.execute(failed).first() is not None
