"""Opening: folders, archives and compressed files, whole, cut off, damaged and hostile."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

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


def test_a_tar_header_that_claims_a_gigantic_name_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    with (tmp_path / "name.tar").open("wb") as out:
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        out.truncate(1 << 30)
    (entry,) = walk([tmp_path])
    with pytest.raises(FeedError, match=r"extended header|damaged"):
        entry.open()


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
