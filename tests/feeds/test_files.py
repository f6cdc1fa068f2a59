"""Opening: folders, archives and compressed files, whole, cut off, damaged and hostile."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socdefenders.errors import FeedError
from socdefenders.feeds.files import SPOOL_BYTES, Entry, Limits, files, walk
from socdefenders.feeds.lines import MAX_LINE, lines
from socdefenders.feeds.streams import ENTRY_BYTES

TEXT = b"".join(b"192.0.2.%d\n" % (n % 256) for n in range(50_000))
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


def blocks(entry: Entry) -> Iterator[bytes]:
    with entry.open() as stream:
        yield from iter(lambda: stream.read(1 << 16), b"")


def read(entry: Entry) -> bytes:
    return b"".join(blocks(entry))


def readable(entry: Entry) -> tuple[bytes, FeedError | None]:
    """What could be read, and how it ended."""
    got = b""
    try:
        with entry.open() as stream:
            while block := stream.read(1 << 16):
                got += block
    except FeedError as error:
        return got, error
    return got, None


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_compressed_file_is_opened_by_its_content_whatever_its_name(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(COMPRESS[ending](TEXT[:1000]) + COMPRESS[ending](TEXT[1000:]))
    (entry,) = walk([path])
    assert read(entry) == TEXT
    assert read(entry) == TEXT, "it can be opened again"


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_file_that_was_cut_off_gives_what_was_readable_and_then_an_error(tmp_path: Path, ending: str) -> None:
    noise = os.urandom(400_000)
    path = tmp_path / f"list.{ending}"
    path.write_bytes(COMPRESS[ending](noise)[:-100_000])
    (entry,) = walk([path])
    got, error = readable(entry)
    assert noise.startswith(got)
    assert ending == "bz2" or len(got) > 100_000  # bzip2 works in blocks of 900 kB
    assert error is not None
    assert "damaged" in error.message


def test_a_bomb_ends_as_an_error_and_never_in_memory(tmp_path: Path) -> None:
    zeros = zstandard.ZstdCompressor().compressobj()
    with (tmp_path / "bomb.zst").open("wb") as out:
        for _ in range(400):
            out.write(zeros.compress(bytes(1 << 20)))
        out.write(zeros.flush())
    (entry,) = walk([tmp_path], Limits(entry_bytes=300 << 20))
    tracemalloc.start()
    with pytest.raises(FeedError, match="larger than 300 MiB"):
        sum(1 for _ in blocks(entry))
    assert tracemalloc.get_traced_memory()[1] < 60 << 20
    tracemalloc.stop()


def tar(path: Path, mode: str, members: dict[str, bytes]) -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # the mode is a parameter
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_a_tar_gives_its_members_without_hidden_ones_and_their_compression(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "archive.data"
    tar(
        path, mode, {"a/list.txt": TEXT, "../evil.txt": b"x", ".git/config": b"hidden", "b.gz": gzip.compress(b"inner")}
    )
    found = {}
    for entry in walk([path]):
        read(entry)
        found[entry.name.partition("!")[2]] = read(entry)
    assert found == {"a/list.txt": TEXT, "../evil.txt": b"x", "b.gz": b"inner"}
    assert list(tmp_path.iterdir()) == [path], "nothing is written anywhere"


def set_aside() -> list[int]:
    """The sizes of the temporary files without a name that this process holds."""
    links = [file for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    return [file.stat().st_size for file in links if str(file.readlink()).endswith(" (deleted)") and file.exists()]


def test_only_a_large_member_of_a_tar_is_set_aside_on_disk_and_no_longer_than_it_is_read(tmp_path: Path) -> None:
    path, before = tmp_path / "archive.tar", sorted(set_aside())
    tar(path, "w", {"small": bytes(SPOOL_BYTES), "large": bytes(SPOOL_BYTES + 1), "last": b""})
    held = {}
    for entry in walk([path]):
        read(entry)
        held[entry.name.rpartition("!")[2]] = sorted(set_aside())
    assert held == {"small": before, "large": sorted([*before, SPOOL_BYTES + 1]), "last": before}
    manual = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")
    assert f"more than {SPOOL_BYTES >> 20} MiB" in manual
    assert f"{ENTRY_BYTES >> 30} GiB at most" in manual


def test_a_zip_gives_its_members(tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/list.txt", TEXT)
        archive.writestr(".hidden", "x")
    assert [(entry.name, read(entry)) for entry in walk([path])] == [(f"{path}!folder/list.txt", TEXT)]


def test_an_archive_that_breaks_gives_its_first_members_and_then_an_entry_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "archive.tar"
    tar(path, "w", {"one.txt": b"1", "two.txt": TEXT})
    path.write_bytes(path.read_bytes()[:20_000])
    (tmp_path / "after.txt").write_bytes(b"after")
    results = [
        (entry.name.rpartition("/")[2], readable(entry))
        for entry in walk([tmp_path / "archive.tar", tmp_path / "after.txt"])
    ]
    assert results[0] == ("archive.tar!one.txt", (b"1", None))
    assert any(error for _, (_, error) in results)
    assert results[-1] == ("after.txt", (b"after", None)), "one bad archive does not lose the rest"


def test_an_archive_of_too_many_members_is_refused(tmp_path: Path) -> None:
    tar(tmp_path / "many.tar", "w", {f"{n}.txt": b"" for n in range(12)})
    *_, last = walk([tmp_path], Limits(members=10))
    with pytest.raises(FeedError, match="more than 10 files"):
        last.open()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_member_that_would_come_whole_into_memory_is_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("bomb.txt", b"192.0.2.1\n" * 1000, method)
        archive.writestr("list.txt", b"192.0.2.1\n", zipfile.ZIP_DEFLATED)
    bomb, rest = [readable(entry) for entry in walk([tmp_path])]
    assert bomb[1] is not None
    assert "not compressed by deflate" in bomb[1].message
    assert rest == (b"192.0.2.1\n", None)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_what_is_compressed_in_an_archive_is_bounded_in_all(tmp_path: Path, kind: str) -> None:
    bomb, path = gzip.compress(bytes(1 << 20)), tmp_path / f"a.{kind}"
    if kind == "tar":
        tar(path, "w", {f"{n}.gz": bomb for n in range(8)})
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for n in range(8):
                archive.writestr(f"{n}.gz", bomb)
    results = [readable(entry) for entry in walk([path], Limits(archive_bytes=5 << 20))]
    assert [error is None for _, error in results] == [True] * 4 + [False] * 4
    assert sum(len(got) for got, _ in results) < 6 << 20
    assert all("larger than 5 MiB in all" in error.message for _, error in results if error)


def test_a_tar_header_that_claims_a_gigantic_name_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    with (tmp_path / "name.tar").open("wb") as out:
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        out.truncate(1 << 30)
    (entry,) = walk([tmp_path])
    with pytest.raises(FeedError, match=r"extended header|damaged"):
        entry.open()


def header(type_: bytes, content: bytes = b"", fields: dict[int, bytes] | None = None) -> bytes:
    """A tar header with `fields` written over it by their offsets, its checksum right, and what follows it."""
    info = tarfile.TarInfo("a.txt")
    info.type, info.size = type_, len(content)
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    for offset, value in (fields or {}).items():
        block[offset : offset + len(value)] = value
    return signed(block) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def signed(block: bytearray) -> bytes:
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


HEADERS = {
    "an extended sparse header that is not there": header(b"S", fields={482: b"\1"}),
    "a sparse file": header(b"S", b"192.0.2.1\n"),
    "a record longer than any memory": header(b"x", b"99999999999999999999 a=b\n") + header(b"0"),
    "a record of no number": header(b"x", "² a=b\n".encode()) + header(b"0"),
    "a character set that is none": header(b"x", b"30 hdrcharset=\xff\n") + header(b"0"),
    "a negative size": header(b"0", fields={124: b"\xff" * 12}),
    "headers without end": header(b"x", b"") * 5000,
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_tar_header_that_is_odd_never_loses_the_rest(tmp_path: Path, case: str) -> None:
    (tmp_path / "a.tar").write_bytes(HEADERS[case])
    (tmp_path / "b.txt").write_bytes(b"after")
    results = [readable(entry) for entry in walk([tmp_path])]
    assert results[-1] == (b"after", None)


@pytest.mark.parametrize("case", ["a sparse file", "an extended sparse header that is not there"])
def test_a_sparse_member_is_refused(tmp_path: Path, case: str) -> None:
    (tmp_path / "a.tar").write_bytes(header(b"0") + HEADERS[case])
    *_, last = walk([tmp_path])
    with pytest.raises(FeedError, match=r"damaged \(a sparse file\)"):
        last.open()


def record(name: str, value: bytes) -> bytes:
    """A record of an extended header."""
    rest = f" {name}=".encode() + value + b"\n"
    length = next(n for n in range(len(rest) + 1, len(rest) + 9) if len(str(n)) + len(rest) == n)
    return str(length).encode() + rest


@pytest.mark.parametrize("field", ["GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.major"])
def test_a_sparse_member_of_an_extended_header_is_refused(tmp_path: Path, field: str) -> None:
    (tmp_path / "a.tar").write_bytes(header(b"x", record(field, b"1")) + header(b"0", b"192.0.2.1"))
    (entry,) = walk([tmp_path])
    with pytest.raises(FeedError, match=r"damaged \(a sparse file\)"):
        entry.open()


def test_an_extended_header_gives_the_next_member_its_name_and_size(tmp_path: Path) -> None:
    said = record("path", "ä/löng.txt".encode()) + record("size", b"11") + record("mtime", b"86400.5")
    members = header(b"x", said) + header(b"0", b"203.0.113.1", {124: b"0" * 11}) + header(b"0", b"192.0.2.1")
    (tmp_path / "a.tar").write_bytes(header(b"g", record("path", b"other")) + members)
    found = [(each.name.partition("!")[2], read(each)) for each in walk([tmp_path])]
    assert found == [("ä/löng.txt", b"203.0.113.1"), ("a.txt", b"192.0.2.1")]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="./"), min_size=1, max_size=400))
def test_every_name_that_an_archiver_writes_is_read(tmp_path: Path, name: str) -> None:
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
            archive.addfile(tarfile.TarInfo(name))
        assert [entry.name.partition("!")[2] for entry in walk([tmp_path])] == [name]


def test_global_headers_are_not_kept(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.tgz", "wb", 1) as out:
        for n in range(20):
            out.write(header(b"g", b"".join(b"13 %02d.%05d=\n" % (n, k) for k in range(10_000))) + header(b"0"))
    tracemalloc.start()
    assert sum(1 for _ in walk([tmp_path])) == 20
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_extended_headers_are_bounded_for_each_member_and_for_all(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(header(b"x", record("a", bytes(700_000))) * 2 + header(b"0"))
    (tmp_path / "b.tar").write_bytes((header(b"x", record("a", bytes(2_000))) + header(b"0")) * 10)
    (tmp_path / "c.tar").write_bytes((header(b"x", record("a", bytes(400))) + header(b"0")) * 10)
    messages: dict[str, list[str]] = {"a": [], "b": [], "c": []}
    for entry in walk([tmp_path], Limits(members=10)):
        _, error = readable(entry)
        messages[Path(entry.name.partition("!")[0]).stem] += [error.message.partition(": ")[2]] if error else []
    assert messages == {
        "a": ["the archive is damaged (extended headers of more than 1 MiB)."],
        "b": ["its extended headers are too large; unpack it and import the folder."],
        "c": [],
    }


def test_an_extended_header_of_digits_is_read_in_linear_time(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(header(b"x", b"1" * 1_000_000) + header(b"0"))
    started = time.perf_counter()
    assert len(list(walk([tmp_path]))) == 1
    assert time.perf_counter() - started < 5


def test_a_large_member_of_a_zip_with_a_wrong_checksum_gives_what_it_has_and_then_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("list.txt", TEXT)
    data = bytearray(path.read_bytes())
    data[len(TEXT) // 2] ^= 1
    path.write_bytes(data)
    [(got, error)] = [readable(entry) for entry in walk([path])]
    assert got[:1000] == TEXT[:1000]
    assert error is not None
    assert "CRC" in error.message


def packed() -> tuple[bytes, bytes]:
    """A tar and a zip with a member of each kind."""
    tarred, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "a"}) as archive:
        for name in ("a.txt", "ä" * 120):
            info = tarfile.TarInfo(name)
            info.size = 10
            archive.addfile(info, io.BytesIO(b"192.0.2.1\n"))
    sparse = header(b"S", b"192.0.2.1\n", {482: b"\1"})
    with zipfile.ZipFile(zipped, "w") as bundle:
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            bundle.writestr(zipfile.ZipInfo(f"{method}.txt"), b"192.0.2.1\n" * 20, method)
    return tarred.getvalue()[:-1024] + header(b"L", b"b" * 150) + header(b"0", b"b") + sparse, zipped.getvalue()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.sampled_from(packed()),
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=12)), max_size=12),
    length=st.none() | st.integers(512, 1 << 13),
)
def test_an_archive_of_any_bytes_gives_entries_that_are_read_or_refused(
    tmp_path: Path, data: bytes, changes: list[tuple[int, bytes]], length: int | None
) -> None:
    made = bytearray(data)
    for offset, value in changes:
        start = offset % len(made)
        made[start : start + len(value)] = value
    for start in range(0, len(made) - 511, 512):  # right checksums, so that what stands in the headers counts
        if made[start + 257 : start + 262] == b"ustar":
            made[start : start + 512] = signed(made[start : start + 512])
    (tmp_path / "a").write_bytes(made[:length])
    for entry in walk([tmp_path]):
        readable(entry)


def test_a_member_that_claims_exbibytes_is_not_waited_for(tmp_path: Path) -> None:
    """The library would skip what is not there, ten kilobytes at a time, for years."""
    header = tarfile.TarInfo("a.txt")
    header.size = 1 << 62
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + b"192.0.2.1\n" * 200)
    entries = []
    for entry in walk([tmp_path]):
        with pytest.raises(FeedError) as refused:
            entry.open()
        entries.append(refused.value.message)
    assert "split it" in entries[0]
    assert "middle of a member" in entries[1]


def test_a_folder_is_walked_in_a_stable_order_without_hidden_linked_or_special_files(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "b").mkdir(parents=True)
    (tree / ".git").mkdir()
    for name in ("b/2.txt", "a.txt", "b/1.txt", ".hidden", ".git/config"):
        (tree / name).write_text(name)
    (tmp_path / "outside.txt").write_text("secret")
    (tree / "link-out.txt").symlink_to(tmp_path / "outside.txt")
    (tree / "link-in.txt").symlink_to(tree / "a.txt")
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe")
    names = [Path(entry.name).relative_to(tree).as_posix() for entry in walk([tree])]
    assert names == ["a.txt", "link-in.txt", "b/1.txt", "b/2.txt"]


def test_the_files_can_be_told_beforehand_in_the_order_in_which_they_are_opened(tmp_path: Path) -> None:
    for name in ("b/x.txt", "a/z/1.txt", "a/y.txt", "c.txt", ".hidden/no.txt", "a/.no.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("192.0.2.1\n")
    (tmp_path / "a" / "out.txt").symlink_to(__file__)
    paths = [tmp_path, Path(__file__), tmp_path / "nothing.txt"]
    told = [str(path) for path in files(paths)]
    assert told == [entry.name for entry in walk(paths)]
    assert [Path(path).name for path in told] == [
        "c.txt",
        "y.txt",
        "1.txt",
        "x.txt",
        Path(__file__).name,
        "nothing.txt",
    ]


def test_a_path_that_is_missing_says_so_when_opened(tmp_path: Path) -> None:
    (entry,) = walk([tmp_path / "nothing.txt"])
    with pytest.raises(FeedError, match="No such file"):
        entry.open()


def test_lines_come_whole_in_any_encoding() -> None:
    text = "ä.example\r\nb\n\nc"
    for name in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        assert list(lines(io.BytesIO(text.encode(name)))) == ["ä.example", "b", "", "c"]
    assert list(lines(io.BytesIO("ä.example\nb".encode("latin-1")))) == ["ä.example", "b"]
    assert list(lines(io.BytesIO(b"a\rb\rc"))) == ["a", "b", "c"]


def test_a_line_without_end_is_cut_and_the_next_is_read() -> None:
    data = b"first\n" + b"x" * 3_000_000 + b"\nlast\n"
    first, long, last = lines(io.BytesIO(data))
    assert (first, len(long), last) == ("first", MAX_LINE + 1, "last")


def test_nul_never_reaches_a_value() -> None:
    assert list(lines(io.BytesIO(b"a\0b\n"))) == ["a\ufffdb"]
