"""`socdefenders keys`: create, list and revoke API keys."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from rich.table import Table

from socdefenders.accounts import SCOPES, Key, create_key, list_keys, revoke_key
from socdefenders.accounts.keys import MAX_DAYS
from socdefenders.cli import options
from socdefenders.cli.place import Place, database, prepare
from socdefenders.cli.terminal import console, safe, show, write_json
from socdefenders.storage.database import Database

Result = TypeVar("Result")

EPILOG = """\b
Examples:
  socdefenders keys create --name laptop
  KEY=$(socdefenders keys create --name siem --tier pro --quiet)
  socdefenders keys list
  socdefenders keys revoke sk_live_4fQz
"""


@click.group(name="keys", epilog=EPILOG)
def command() -> None:
    """Create, list and revoke API keys.

    Whoever asks the API shows a key. Only a digest of it is stored: the key itself is printed once,
    when it is made.
    """


@command.command(
    epilog="""\b
Examples:
  socdefenders keys create --name laptop
  socdefenders keys create --name siem --tier pro --allowed-ip 192.0.2.0/24 --allowed-ip 2001:db8::/32
  KEY=$(socdefenders keys create --name tests --expires-in-days 7 --quiet)
"""
)
@click.option("--name", required=True, help="Whose key it is, for the list.")
@click.option(
    "--tier",
    type=click.Choice(list(SCOPES)),
    default="free",
    show_default=True,
    help="How many requests it may make; SOCDEFENDERS_FREE_... and SOCDEFENDERS_PRO_... say how many that is.",
)
@click.option(
    "--expires-in-days",
    type=click.IntRange(1, MAX_DAYS),
    metavar="DAYS",
    help="Let it end by itself; default: it does not.",
)
@click.option(
    "--allowed-ip",
    "allowed_ips",
    multiple=True,
    metavar="CIDR",
    help="An address or network it may be used from; may be repeated. Default: any.",
)
@click.option("--quiet", is_flag=True, help="Print the key alone.")
@options.as_json
@options.data_dir
@click.pass_context
def create(
    context: click.Context,
    *,
    name: str,
    tier: str,
    expires_in_days: int | None,
    allowed_ips: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    data_dir: Path | None,
) -> None:
    """Create a key and print it, once."""

    async def work(stored: Database) -> tuple[Key, str]:
        return await create_key(
            stored,
            name=name,
            tier=tier,
            now=datetime.now(UTC),
            expires_in_days=expires_in_days,
            allowed_ips=allowed_ips or None,
        )

    key, secret = _with_database(context, data_dir, work, create=True)
    if quiet:
        click.echo(secret)
    elif as_json:
        write_json(_facts(key) | {"key": secret})
    else:
        until = f", until {key.expires_at:%Y-%m-%d}" if key.expires_at else ""
        click.echo(f"Created the {key.tier} key {safe(key.name)!r}{until} (id {key.id}).\n\n  {secret}\n")
        click.echo("Keep it now: it cannot be shown again.")


@command.command(name="list", epilog="\b\nExamples:\n  socdefenders keys list\n  socdefenders keys list --json")
@options.as_json
@options.data_dir
@click.pass_context
def list_(context: click.Context, *, as_json: bool, data_dir: Path | None) -> None:
    """List all keys, revoked and expired ones too, the newest first."""
    found = _with_database(context, data_dir, list_keys)
    if as_json:
        write_json({"data": [_facts(key) for key in found], "meta": {"total": len(found)}})
    elif not found:
        click.echo("There is no key yet; `socdefenders keys create --name NAME` makes one.")
    else:
        show(console(), _table(found, datetime.now(UTC)))


@command.command(
    short_help="Revoke a key, by its id or its beginning.",
    epilog="""\b
Examples:
  socdefenders keys revoke sk_live_4fQz
  socdefenders keys revoke 0c4dd5a8-9a5e-4d5b-8a41-7d5c1f7a3e11
""",
)
@click.argument("key", metavar="ID|PREFIX")
@options.as_json
@options.data_dir
@click.pass_context
def revoke(context: click.Context, key: str, *, as_json: bool, data_dir: Path | None) -> None:
    """Revoke a key, by its id or its first twelve characters; every server refuses it at once.

    It stays in the list, and cannot be revived.
    """

    async def work(stored: Database) -> Key:
        return await revoke_key(stored, key, datetime.now(UTC))

    gone = _with_database(context, data_dir, work)
    if as_json:
        write_json({"id": str(gone.id), "key_prefix": gone.key_prefix, "name": gone.name})
    else:
        click.echo(f"Revoked the key {safe(gone.name)!r} ({gone.key_prefix}..., id {gone.id}).")


def _with_database(
    context: click.Context,
    data_dir: Path | None,
    work: Callable[[Database], Awaitable[Result]],
    *,
    create: bool = False,
) -> Result:
    """Open the database, do the `work`, and close it."""
    environ: Mapping[str, str] = context.obj
    settings = options.read(environ, data_dir)
    with database(settings, context.command_path, create=create) as place:
        return asyncio.run(_open_and(place, work))


async def _open_and(place: Place, work: Callable[[Database], Awaitable[Result]]) -> Result:
    await prepare(place)
    async with Database(place.dsn, size=1) as stored:
        return await work(stored)


def _facts(key: Key) -> dict[str, object]:
    return {
        "id": str(key.id),
        "key_prefix": key.key_prefix,
        "name": key.name,
        "tier": key.tier,
        "scopes": key.scopes,
        "allowed_ips": None if key.allowed_ips is None else [str(network) for network in key.allowed_ips],
        "total_requests": key.total_requests,
        "last_used_at": key.last_used_at,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _table(found: list[Key], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Prefix", "Name", "Tier", "State", "Created", "Last used", "Requests"):
        table.add_column(heading, justify="right" if heading == "Requests" else "left", overflow="fold")
    for key in found:
        table.add_row(
            key.key_prefix,
            safe(key.name),
            key.tier,
            _state(key, now),
            f"{key.created_at:%Y-%m-%d}",
            f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
            f"{key.total_requests:,}",
        )
    return table


def _state(key: Key, now: datetime) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "alive"
    return f"{'expired' if key.expires_at <= now else 'alive until'} {key.expires_at:%Y-%m-%d}"
