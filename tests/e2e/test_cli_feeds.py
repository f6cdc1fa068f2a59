"""The sources from a shell: listed, switched, added, run, and a worker that takes them in."""

import json
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.e2e.commands import Server, data_directory, good, run
from tests.publisher import Made, published

LIST = b"\n".join(b"198.51.100.%d" % number for number in range(1, 31))
OPML = """<opml version="2.0"><body><outline text="Government">
<outline text="A Blog" type="rss" xmlUrl="https://blog.example/feed.xml" htmlUrl="https://blog.example/"/>
<outline text="No address" type="rss" xmlUrl="gopher://old.example/"/></outline></body></opml>"""


LOCAL = {"SOCDEFENDERS_FETCH_ALLOWED": "127.0.0.0/8", "SOCDEFENDERS_FETCH_PROXY": ""}


def rows(data: Path, *arguments: str) -> dict[str, dict[str, object]]:
    """What `feeds list --json` says, by slug."""
    answer = json.loads(good("feeds", "list", "--json", "--data-dir", data, *arguments))
    return {each["slug"]: each for each in answer["data"]}


def test_the_catalog_is_listed_without_a_database(tmp_path: Path) -> None:
    listed = rows(tmp_path)
    assert len(listed) >= 40
    assert {each["state"] for each in listed.values()} == {"new"}
    assert len(rows(tmp_path, "--all")) > len(listed)
    assert "--all lists them" in good("feeds", "list", "--data-dir", tmp_path)


def test_sources_are_switched_on_and_off(tmp_path: Path) -> None:
    assert "cisa-kev" in rows(tmp_path)
    good("feeds", "disable", "cisa-kev", "--data-dir", tmp_path)
    assert "cisa-kev" not in rows(tmp_path)
    assert (tmp_path / "feeds/cisa-kev.toml").read_text() == "enabled = false\n"
    good("feeds", "enable", "cisa-kev", "--data-dir", tmp_path)
    assert "cisa-kev" in rows(tmp_path)
    assert not list((tmp_path / "feeds").iterdir()), "nothing is left of what is as it was given"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("enable", "kev"), "is it cisa-kev?"),
        (("enable", "nothing-like-it"), "feeds list --all"),
        (("remove", "cisa-kev"), "feeds disable cisa-kev"),
        (("import", "nowhere.opml"), "does not exist"),
        (("check",), "Missing argument"),
    ],
)
def test_what_is_wrong_says_what_to_do(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    done = run("feeds", *arguments, "--data-dir", tmp_path)
    assert done.returncode == 2
    assert why in done.stderr


def test_a_source_is_added_checked_run_and_removed() -> None:
    with data_directory() as data, published({"/bad.txt": LIST}) as publisher:
        url = f"{publisher.url}/bad.txt"
        shown = good("feeds", "add", url, "--name", "my-list", "--yes", "--data-dir", data, **LOCAL)
        assert "Read as list" in shown
        assert "30 records" in shown
        assert "198.51.100.1" in shown
        again = run("feeds", "add", url, "--name", "my-list", "--yes", "--data-dir", data, **LOCAL)
        assert again.returncode == 2
        assert good("feeds", "check", "my-list", "--data-dir", data, **LOCAL).startswith("my-list: healthy, 30 records")
        assert rows(data)["my-list"]["state"] == "new", "checking keeps nothing"
        assert "something new" in good("feeds", "run", "my-list", "--data-dir", data, **LOCAL)
        assert rows(data)["my-list"]["state"] == "healthy"
        good("search", "198.51.100.7", "--data-dir", data)
        good("feeds", "remove", "my-list", "--data-dir", data)
        assert "my-list" not in rows(data, "--all")
        good("search", "198.51.100.7", "--data-dir", data)


UUID = "11111111-2222-4333-8444-555555555555"
MISP = {
    "/feed/manifest.json": f'{{"{UUID}": {{"info": "An event", "timestamp": "1767225600"}}}}'.encode(),
    f"/feed/{UUID}.json": b"""{"Event": {"info": "An event", "Attribute": [
        {"type": "domain", "category": "Network activity", "value": "c2.evil.example", "to_ids": true}]}}""",
}
COLLECTION = "/share/collections/9c0f7d2e-5b1f-4a57-9d8e-0f3a9c1b7e11/"
TAXII = {
    "/share/collections/": json.dumps({
        "collections": [
            {"id": "9c0f7d2e-5b1f-4a57-9d8e-0f3a9c1b7e11", "title": "Open", "can_read": True, "can_write": False},
            {"id": "0d9f7d2e-5b1f-4a57-9d8e-0f3a9c1b7e12", "title": "Closed", "can_read": False, "can_write": True},
        ]
    }).encode(),
    f"{COLLECTION}objects/": json.dumps({
        "objects": [
            {"type": "indicator", "id": f"indicator--{UUID}", "pattern_type": "stix", "spec_version": "2.1",
             "pattern": "[domain-name:value = 'c2.evil.example']", "valid_from": "2026-01-01T00:00:00Z"},
        ]
    }).encode(),
}  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "path", "shown", "kept"),
    [
        (MISP, "/feed/manifest.json", "a MISP feed of 1 events", "/feed/"),
        (MISP, "/feed/", "a MISP feed of 1 events", "/feed/"),
        (TAXII, f"{COLLECTION}objects/", "a TAXII collection", COLLECTION),
        (TAXII, COLLECTION.rstrip("/"), "a TAXII collection", COLLECTION),
        (TAXII, "/share/", "a TAXII collection", COLLECTION),
    ],
    ids=["manifest", "folder", "objects", "collection", "api-root"],
)
def test_an_index_is_recognised(tmp_path: Path, answers: dict[str, bytes], path: str, shown: str, kept: str) -> None:
    with published(answers) as publisher:
        told = good("feeds", "add", publisher.url + path, "--name", "mine", "--yes", "--data-dir", tmp_path, **LOCAL)
        file = (tmp_path / "feeds/mine.toml").read_text()
        assert f'url = "{publisher.url}{kept}"' in file
    assert shown in told
    assert "c2.evil.example" in told
    assert f'kind = "{"misp-feed" if answers is MISP else "taxii"}"' in file


def test_several_collections_are_named(tmp_path: Path) -> None:
    two = [{"id": f"c{number}", "title": "One of them", "can_read": True} for number in range(2)]
    with published({"/share/collections/": json.dumps({"collections": two}).encode()}) as publisher:
        done = run("feeds", "add", f"{publisher.url}/share/", "--yes", "--data-dir", tmp_path, **LOCAL)
    assert done.returncode == 2
    assert "/share/collections/c0/" in done.stderr
    assert "/share/collections/c1/" in done.stderr


def test_a_misp_feed_is_added_checked_and_run() -> None:
    with data_directory() as data, published(MISP) as publisher:
        url = f"{publisher.url}/feed/"
        good("feeds", "add", url, "--name", "misp", "--yes", "--data-dir", data, **LOCAL)
        assert good("feeds", "check", "misp", "--data-dir", data, **LOCAL).startswith("misp: healthy, 1 records")
        assert "something new" in good("feeds", "run", "misp", "--data-dir", data, **LOCAL)
        assert good("feeds", "run", "misp", "--data-dir", data, **LOCAL) == "misp: healthy.\n"
        good("search", "c2.evil.example", "--data-dir", data)
        assert publisher.statuses[304] == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "feeds").write_text("a file where the folder should be")
    done = run("feeds", "disable", "cisa-kev", "--data-dir", tmp_path)
    assert done.returncode == 2
    assert "cannot be changed" in done.stderr
    assert "SOCDEFENDERS_FEEDS_DIR" in done.stderr


def test_the_one_feed_that_a_page_names_is_taken_and_of_several_one_has_to_be_named(tmp_path: Path) -> None:
    def page(*addresses: str) -> bytes:
        links = "".join(f"<link rel='alternate' type='application/rss+xml' href='{each}'>" for each in addresses)
        return f"<html><head>{links}</head><body><p>Hello.</p></body></html>".encode()

    feed = b"<rss><channel><title>Blog</title><item><title>First</title><link>/1</link></item></channel></rss>"
    answers: dict[str, Made] = {
        "/": page("/feed.xml", "feed.xml"),
        "/two": page("/a.xml", "/b.xml"),
        "/feed.xml": feed,
    }
    with published(answers) as publisher:
        shown = good("feeds", "add", publisher.url + "/", "--yes", "--json", "--data-dir", tmp_path, **LOCAL)
        several = run("feeds", "add", publisher.url + "/two", "--yes", "--data-dir", tmp_path, **LOCAL)
    assert f"{publisher.url}/feed.xml" in shown
    assert several.returncode == 2
    assert f"name one of its feeds: {publisher.url}/a.xml, {publisher.url}/b.xml." in several.stderr


def test_switching_says_what_it_did_for_programs(tmp_path: Path) -> None:
    switched = json.loads(good("feeds", "disable", "cisa-kev", "--json", "--data-dir", tmp_path))
    assert switched == {"data": [{"slug": "cisa-kev", "enabled": False}]}
    switched = json.loads(good("feeds", "enable", "cisa-kev", "--json", "--data-dir", tmp_path))
    assert switched == {"data": [{"slug": "cisa-kev", "enabled": True}]}


def test_a_page_is_no_source(tmp_path: Path) -> None:
    with published({"/": b"<html><body><p>Hello.</p></body></html>"}) as publisher:
        done = run("feeds", "add", publisher.url + "/", "--yes", "--data-dir", tmp_path, **LOCAL)
    assert done.returncode == 2
    assert "is a web page" in done.stderr


def test_an_address_that_is_a_source_already_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    with published({"/bad.txt": LIST}) as publisher:
        url = f"{publisher.url}/bad.txt"
        good("feeds", "add", url, "--name", "my-list", "--yes", "--data-dir", tmp_path, **LOCAL)
        asked = len(publisher.asked)
        twice = run("feeds", "add", url, "--name", "other", "--yes", "--data-dir", tmp_path, **LOCAL)
        good("feeds", "disable", "my-list", "--data-dir", tmp_path)
        off = run("feeds", "add", url, "--name", "other", "--yes", "--data-dir", tmp_path, **LOCAL)
        assert len(publisher.asked) == asked
    assert (twice.returncode, off.returncode) == (2, 2)
    assert f"{url} is the source my-list already." in twice.stderr
    assert "socdefenders feeds enable my-list" in off.stderr
    assert [file.name for file in (tmp_path / "feeds").iterdir()] == ["my-list.toml"]


def test_no_second_source_of_one_address_is_switched_on(tmp_path: Path) -> None:
    own = tmp_path / "feeds"
    (tmp_path / "mine.opml").write_text(OPML)
    run("feeds", "import", tmp_path / "mine.opml", "--enable", "--data-dir", tmp_path)
    text = (own / "a-blog.toml").read_text()
    (own / "b-blog.toml").write_text(text.replace("enabled = true", "enabled = false"))
    done = run("feeds", "enable", "b-blog", "--data-dir", tmp_path)
    assert (done.returncode, "a-blog has the same" in done.stderr) == (1, True)
    assert rows(tmp_path, "--all")["b-blog"]["enabled"] is False


@pytest.mark.parametrize("content", ['name = "x', "enabled = true\n"])
def test_a_file_that_cannot_be_read_is_named_with_its_folder_and_can_be_removed(tmp_path: Path, content: str) -> None:
    own = tmp_path / "feeds"
    own.mkdir()
    (own / "broken.toml").write_text(content)
    done = run("feeds", "list", "--data-dir", tmp_path)
    assert done.returncode == 1
    assert str(own) in done.stderr
    assert "socdefenders feeds remove broken" in done.stderr
    good("feeds", "remove", "broken", "--data-dir", tmp_path)
    assert "cisa-kev" in rows(tmp_path)


def test_private_addresses_are_refused_unless_allowed(tmp_path: Path) -> None:
    with published({"/bad.txt": LIST}) as publisher:
        done = run(
            "feeds", "add", f"{publisher.url}/bad.txt", "--yes", "--data-dir", tmp_path, SOCDEFENDERS_FETCH_PROXY=""
        )
        assert not publisher.asked
    assert done.returncode == 1
    assert "SOCDEFENDERS_FETCH_ALLOWED" in done.stderr


def test_subscriptions_are_imported(tmp_path: Path) -> None:
    (tmp_path / "mine.opml").write_text(OPML)
    done = run("feeds", "import", tmp_path / "mine.opml", "--data-dir", tmp_path)
    assert done.returncode == 1, "one of them could not be read"
    assert done.stdout.startswith("a-blog\nAdded 1 sources, which are off")
    assert "gopher" in done.stderr or "address" in done.stderr
    added = rows(tmp_path, "--all")["a-blog"]
    assert (added["enabled"], added["category"]) == (False, "government")


def test_without_a_network_everything_else_works() -> None:
    with data_directory() as data, Server("up", "--port", "0", "--data-dir", data) as server:
        assert server.process.stderr is not None
        told = next(line for line in server.process.stderr if "sources_unreachable" in line)
        assert "Everything else works" in told
        with urlopen(f"{server.url}/healthz") as answer:
            assert answer.status == 200
        _, _, rest = server.stop()
    assert "sources_unreachable" not in rest, "it is said once"
