"""The demonstration: a set of invented files, loaded once, and a key that stays the same.

The set is loaded by a process of its own, `socdefenders import`: its parsers take as long to load as the
rest of the server, and would stay in the memory of every later start, which needs none of them.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from socdefenders.accounts import create_key
from socdefenders.accounts.keys import digest, well_formed
from socdefenders.cli.place import tell
from socdefenders.errors import InputError, SettingsError, SocDefendersError
from socdefenders.storage import keys
from socdefenders.storage.database import Database
from socdefenders.storage.layout import DEMO_KEY

VALUE = "198.51.100.23"
"""An address that several files of the set name."""


def check(folder: Path, data_dir: Path) -> None:
    """Raise InputError when the set is still to be loaded and is not there."""
    if not (data_dir / DEMO_KEY).exists() and not folder.is_dir():
        raise InputError(
            f"There is no demonstration set at {folder.absolute()}; it stands in the folder `examples` of the project: "
            "go there, or name it by --demo PATH."
        )


async def prepare(dsn: str, folder: Path, data_dir: Path, now: datetime) -> str:
    """Return the secret of the demo's key; the first time, load the set and create the key."""
    path = data_dir / DEMO_KEY
    async with Database(dsn, size=1) as database:
        secret = _read(path)
        if secret and await keys.by_hash(database, digest(secret)):
            return secret
        tell(f"loading the demonstration set of {folder}")
        await _load(folder, data_dir)
        _, secret = await create_key(database, name="demo", tier="pro", now=now)
    _write(path, secret)
    return secret


async def _load(folder: Path, data_dir: Path) -> None:
    arguments = ("-m", "socdefenders", "import", "--data-dir", str(data_dir), "--", str(folder))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, start_new_session=True
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
    if process.returncode:
        reason = said.decode("utf-8", "replace").strip().removeprefix("Error: ")
        raise SocDefendersError(f"The demonstration set could not be loaded: {reason}")


def _read(path: Path) -> str | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    with os.fdopen(handle, "rb") as file:
        text = file.read(200).decode("ascii", "replace").strip()
    return text if well_formed(text) else None


def _write(path: Path, secret: str) -> None:
    """Write the file anew: the directory may belong to PostgreSQL's account, so nothing that is there is followed."""
    try:
        path.unlink(missing_ok=True)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secret + "\n")
