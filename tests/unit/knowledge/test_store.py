"""A bundle is built once, where it is missing, torn or of other packages; who cannot keep it still has answers."""

import os
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from socdefenders import knowledge
from socdefenders.errors import KnowledgeError, KnowledgeMissing
from socdefenders.indicators import extract
from socdefenders.knowledge import KnowledgeWarning, opening, packages, store
from socdefenders.knowledge.facts import Sources
from socdefenders.knowledge.store import FILE, FILES, Origin
from tests.unit.knowledge.small import HASHES, PACKAGE, everything, warning_list

VERSIONS = {PACKAGE.name: PACKAGE.version}


class Packages:
    """An invented set of packages that counts how often it is read."""

    def __init__(self, version: str = "1.0") -> None:
        self.version = version
        self.reads = 0
        self._number = count(1)

    def installed(self) -> dict[str, str]:
        return {PACKAGE.name: self.version}

    def sources(self) -> Sources:
        self.reads = next(self._number)
        return everything()._replace(packages=[PACKAGE._replace(version=self.version)])

    @property
    def origin(self) -> Origin:
        return Origin(self.installed, self.sources)


def missing() -> dict[str, str]:
    raise KnowledgeMissing("Not installed: invented.")


def broken() -> Sources:
    raise KnowledgeError("The packages do not hold what they should.")


def test_it_is_built_where_it_is_not_and_opened_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packages, directory = Packages(), tmp_path / "made" / "here"
    for _ in range(2):
        assert opening.find_or_build(directory, packages.origin).lists_of_host("popular.example") == ("popular",)
    assert packages.reads == 1
    assert {path.name for path in directory.iterdir()} <= FILES
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"SOCDKNOW", b"x" * 200])
def test_what_is_torn_is_built_anew(tmp_path: Path, content: bytes) -> None:
    packages = Packages()
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / store.NEW).write_bytes(b"left behind by a build that was killed")
    assert opening.find_or_build(tmp_path, packages.origin)
    assert store.open_bundle(tmp_path).damage() is None
    assert packages.reads == 1


def test_other_packages_are_compiled_anew_and_an_open_bundle_stays_whole(tmp_path: Path) -> None:
    old = opening.find_or_build(tmp_path, Packages("1.0").origin)
    new = opening.find_or_build(tmp_path, Packages("1.1").origin)
    assert [each.about.packages[0].version for each in (old, new)] == ["1.0", "1.1"]
    assert old.damage() is new.damage() is None


def test_many_threads_build_once(tmp_path: Path) -> None:
    packages, together = Packages(), threading.Barrier(8)

    def ask(_: int) -> bool:
        together.wait()
        return bool(opening.find_or_build(tmp_path, packages.origin))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(8)))
    assert packages.reads == 1


def test_without_packages_a_bundle_of_before_will_do(tmp_path: Path) -> None:
    opening.find_or_build(tmp_path, Packages().origin)
    assert opening.find_or_build(tmp_path, Origin(missing, broken)).lists_of_host("popular.example") == ("popular",)


@pytest.mark.parametrize("origin", [Origin(missing, broken), Origin(lambda: VERSIONS, broken)])
def test_without_either_it_warns_and_knows_nothing(tmp_path: Path, origin: Origin) -> None:
    with pytest.warns(KnowledgeWarning, match=r"^Nothing is known beforehand .*(Not installed|should)"):
        nothing = opening.find_or_build(tmp_path, origin)
    assert not nothing
    assert nothing.lists_of_host("popular.example") == nothing.lists_of_address("192.0.2.1") == ()
    assert nothing.lists_of_hash("0" * 32) == nothing.lists_of_email("x@popular.example") == ()
    assert nothing.techniques() == ()
    assert nothing.names() == ()
    assert nothing.technique("T9001") is None
    assert nothing.zipf("heron") == 0.0
    assert not (tmp_path / FILE).exists()
    assert not (tmp_path / store.NEW).exists()


def test_where_it_cannot_be_kept_it_is_compiled_for_this_process(tmp_path: Path) -> None:
    packages = Packages()
    (tmp_path / "file").touch()
    with pytest.warns(KnowledgeWarning, match="cannot be written"):
        known = opening.find_or_build(tmp_path / "file" / "below", packages.origin)
    assert known.lists_of_host("popular.example") == ("popular",)
    with pytest.raises(KnowledgeError, match="cannot be written"):
        store.rebuild(tmp_path / "file" / "below", packages.origin)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / store.LOCK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KnowledgeError, match="cannot be written"):
        store.rebuild(tmp_path, Packages().origin)
    assert not (tmp_path / "elsewhere").exists()


def test_everybody_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        store.rebuild(tmp_path, Packages().origin)
    finally:
        os.umask(before)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o644


def test_status_tells_what_is_there_from_what_could_be(tmp_path: Path) -> None:
    origin = Packages().origin
    absent = store.status(tmp_path, origin)
    assert absent.known is None
    assert "There is no" in (absent.problem or "")
    store.rebuild(tmp_path, origin)
    fresh = store.status(tmp_path, origin)
    assert (fresh.problem, fresh.outdated, fresh.installed) == (None, False, VERSIONS)
    assert store.status(tmp_path, Packages("1.1").origin).outdated
    assert store.status(tmp_path, Origin(missing, broken)).installed is None
    content = bytearray((tmp_path / FILE).read_bytes())
    section = store.open_bundle(tmp_path)._bundle._sections["listed"][0]
    content[section] ^= 1
    (tmp_path / FILE).write_bytes(content)
    assert "listed" in (store.status(tmp_path, origin).problem or "")


def test_whoever_builds_hears_which_list_it_is_at(tmp_path: Path) -> None:
    heard: list[tuple[int, str]] = []
    store.rebuild(tmp_path, Packages().origin, tell=lambda number, name: heard.append((number, name)))
    assert heard == [(1, "popular"), (2, "odd")]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A directory that this process uses for the duration of a test."""
    before = opening._CURRENT.directory
    knowledge.use(tmp_path)
    yield tmp_path
    if before is not None:
        knowledge.use(before)


def test_a_process_opens_it_once(elsewhere: Path, installed_knowledge: Path) -> None:
    (elsewhere / FILE).symlink_to(installed_knowledge / FILE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert knowledge.current() is knowledge.current()
    knowledge.use(elsewhere)
    assert opening._CURRENT.known is not None
    knowledge.use(elsewhere / "other")
    assert opening._CURRENT.known is None


def test_no_judgement_outlives_what_it_was_made_of(elsewhere: Path, installed_knowledge: Path) -> None:
    text = "It visits www.popular-host.com, and 68b329da9893e34099c7d8ad5cb9c940 is a file."
    said = [knowledge.Package(name, version, "", (), None) for name, version in packages.installed().items()]
    lists = [
        warning_list("google", "hostname", ["popular-host.com"]),
        warning_list("common-ioc-false-positive", "string", ["68b329da9893e34099c7d8ad5cb9c940"], HASHES),
    ]
    store.rebuild(elsewhere, Origin(packages.installed, lambda: everything()._replace(lists=lists, packages=said)))
    rules = []
    for directory in (installed_knowledge, elsewhere, installed_knowledge):
        knowledge.use(directory)
        rules.append([match.suppressed and match.suppressed.rule for match in extract(text)])
    assert rules == [[None, None], ["benign", "known-good"], [None, None]]
