"""The schema: made once, by one process, and refused wherever it is not the one this version works with."""

import asyncio
from importlib.resources import files

import asyncpg
import pytest

from socdefenders.errors import SchemaError, StorageError
from socdefenders.storage import migrate
from tests.clusters import Cluster

# Everything that the two ways to the schema could do differently, one row a thing.
CATALOGUE = {
    "relations": """
        select relname::text, relkind::text, relpersistence::text, reloptions, pg_get_partkeydef(oid)
          from pg_class where relnamespace = 'public'::regnamespace order by 1""",
    "columns": """
        select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               a.attidentity::text, a.attstorage::text, l.collname::text, pg_get_expr(d.adbin, d.adrelid)
          from pg_attribute a
          join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
          left join pg_collation l on l.oid = a.attcollation
          left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
         where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
         order by c.relname, a.attnum""",
    "constraints": """
        select conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
          from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2""",
    "indexes": "select indexdef from pg_indexes where schemaname = 'public' order by 1",
    "sequences": """
        select sequencename::text, data_type::text, start_value, min_value, max_value, increment_by, cycle, cache_size
          from pg_sequences where schemaname = 'public' order by 1""",
    "triggers": "select tgrelid::regclass::text, tgname::text from pg_trigger where not tgisinternal order by 1, 2",
    "functions": """
        select p.oid::regprocedure::text from pg_proc p
         where pronamespace = 'public'::regnamespace
           and not exists (select from pg_depend where objid = p.oid and deptype = 'e') order by 1""",
    "extensions": "select extname::text from pg_extension order by 1",
}


async def run(dsn: str, *statements: str) -> None:
    """Do something to a database behind the product's back."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def catalogue(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    connection = await asyncpg.connect(dsn)
    try:
        return {name: [tuple(row) for row in await connection.fetch(query)] for name, query in CATALOGUE.items()}
    finally:
        await connection.close()


async def rows(dsn: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch("select * from schema_migrations order by version")]
    finally:
        await connection.close()


async def refusal(dsn: str) -> str:
    """Return why the database is refused, after proving that every way in refuses it in the same words."""
    problem = (await migrate.status(dsn)).problem
    for way in (migrate.check, migrate.upgrade):
        with pytest.raises(SchemaError) as refused:
            await way(dsn)
        assert refused.value.message == problem
    assert problem is not None
    return problem


async def test_an_empty_database_is_refused_until_it_is_upgraded(empty_dsn: str) -> None:
    before = await migrate.status(empty_dsn)
    assert (before.current, before.problem) == (0, None)
    assert before.pending == before.latest == len(migrate.migrations())
    with pytest.raises(SchemaError, match="db upgrade"):
        await migrate.check(empty_dsn)

    assert await migrate.upgrade(empty_dsn) == before
    await migrate.check(empty_dsn)
    assert await migrate.status(empty_dsn) == migrate.Status(before.latest, before.latest, None)


async def test_looking_changes_nothing(empty_dsn: str) -> None:
    untouched = await catalogue(empty_dsn)
    await migrate.status(empty_dsn)
    assert await catalogue(empty_dsn) == untouched


async def test_a_second_upgrade_does_nothing(dsn: str) -> None:
    before = await rows(dsn), await catalogue(dsn)
    assert (await migrate.upgrade(dsn)).pending == 0
    assert (await rows(dsn), await catalogue(dsn)) == before


async def test_the_readable_schema_and_the_migrations_are_the_same(empty_dsn: str, dsn: str) -> None:
    await run(empty_dsn, files("socdefenders.storage").joinpath("schema.sql").read_text(encoding="utf-8"))
    by_reading, by_migrating = await catalogue(empty_dsn), await catalogue(dsn)
    for name, read in by_reading.items():
        assert read == by_migrating[name], name
    assert len(by_reading["columns"]) > 50, "the comparison has to see the tables at all"
    assert len(by_reading["indexes"]) > 10


def test_migrations_are_numbered_from_one_without_a_gap() -> None:
    steps = migrate.migrations()
    assert [step.version for step in steps] == list(range(1, len(steps) + 1))
    assert len({step.checksum for step in steps}) == len(steps)


async def test_a_newer_schema_is_refused(dsn: str) -> None:
    await run(
        dsn,
        "insert into schema_migrations (version, name, checksum, finished_at) values (9999, 'later', 'x', now())",
    )
    assert "schema 9999, newer than this version's" in await refusal(dsn)


async def test_an_unfinished_migration_is_refused(dsn: str) -> None:
    await run(dsn, "update schema_migrations set finished_at = null where version = 1")
    assert "Migration 1 did not finish" in await refusal(dsn)


async def test_a_schema_made_from_another_text_is_refused(dsn: str) -> None:
    await run(dsn, "update schema_migrations set checksum = 'other' where version = 1")
    assert "Migration 1 was run from another text" in await refusal(dsn)


async def test_a_gap_in_what_was_run_is_refused(dsn: str) -> None:
    await run(dsn, "update schema_migrations set version = 0 where version = 1")
    assert "from another text" in await refusal(dsn)


@pytest.mark.parametrize(
    "foreign",
    [
        "create table indicators (id integer)",
        "create table posts (id integer)",
        # What Rails and golang-migrate keep under the name that ours has too.
        "create table schema_migrations (version character varying not null primary key)",
        "create table schema_migrations (version bigint not null primary key, dirty boolean not null)",
    ],
)
async def test_a_database_with_tables_of_others_is_refused_and_left_alone(empty_dsn: str, foreign: str) -> None:
    await run(empty_dsn, foreign)
    untouched = await catalogue(empty_dsn)
    assert "another application" in await refusal(empty_dsn)
    assert await catalogue(empty_dsn) == untouched


async def test_a_database_where_the_extension_is_ready_is_no_foreign_one(empty_dsn: str) -> None:
    await run(empty_dsn, "create extension pg_trgm", "create schema other", "create table other.posts (id integer)")
    await migrate.upgrade(empty_dsn)
    await migrate.check(empty_dsn)  # raises where the schema is not the one that is expected
    connection = await asyncpg.connect(empty_dsn)
    assert await connection.fetchval("select to_regclass('other.posts') is not null")
    await connection.close()


async def test_articles_of_before_there_were_stories_each_tell_their_own(empty_dsn: str) -> None:
    steps = migrate.migrations()
    stories = next(number for number, step in enumerate(steps) if step.name == "stories")
    await run(
        empty_dsn,
        *[step.sql for step in steps[:stories]],
        "insert into sources (name, category) values ('Blog', 'news')",
        "insert into articles (id, source_id, title, fetched_at, content_hash, body)"
        " select gen_random_uuid(), 1, 'A title', now(), '', 'text' from generate_series(1, 3)",
        steps[stories].sql,
    )
    connection = await asyncpg.connect(empty_dsn)
    assert await connection.fetchval("select count(*) from articles where story_id = id") == 3
    await connection.close()


async def test_upgrades_at_once_end_well_and_only_one_of_them_works(empty_dsn: str) -> None:
    before = await asyncio.gather(*(migrate.upgrade(empty_dsn) for _ in range(4)))
    assert sorted(found.pending for found in before) == [0, 0, 0, len(migrate.migrations())]
    await migrate.check(empty_dsn)


@pytest.mark.parametrize("stopped", ["lock", "mistake", "cut off"])
async def test_a_later_step_that_is_stopped_leaves_nothing_and_runs_again(dsn: str, stopped: str) -> None:
    first = migrate.migrations()
    work = "create table more (id integer); set local lock_timeout = 50; alter table sources add note text;"
    ends = {"mistake": "select 1 / 0", "cut off": "select pg_terminate_backend(pg_backend_pid())"}
    failing = migrate.Migration(len(first) + 1, "more", work + ends.get(stopped, ""))
    untouched = await catalogue(dsn), await rows(dsn)
    other = await asyncpg.connect(dsn)
    async with other.transaction():
        if stopped == "lock":
            await other.execute("lock table sources in access share mode")
        with pytest.raises(StorageError) as refused:
            await migrate.upgrade(dsn, [*first, failing])
        assert not isinstance(refused.value, SchemaError)
    await other.close()
    assert (await catalogue(dsn), await rows(dsn)) == untouched

    steps = [*first, migrate.Migration(failing.version, "more", work)]
    assert await migrate.upgrade(dsn, steps) == migrate.Status(len(first), len(steps), None)
    assert (await migrate.upgrade(dsn, steps)).pending == 0
    assert (await rows(dsn))[-1][:3] == (steps[-1].version, "more", steps[-1].checksum)


async def test_a_role_without_rights_is_told_which_it_needs_and_leaves_nothing(
    empty_dsn: str, some_cluster: Cluster
) -> None:
    some_cluster.execute("create role powerless; grant powerless to current_user")
    try:
        await run(empty_dsn, "revoke create on schema public from public")
        with pytest.raises(StorageError, match="create extension pg_trgm") as refused:
            await migrate.upgrade(f"{empty_dsn}&role=powerless")
        assert not isinstance(refused.value, SchemaError)
        assert (await migrate.status(empty_dsn)).current == 0
    finally:
        some_cluster.execute("drop role powerless")
