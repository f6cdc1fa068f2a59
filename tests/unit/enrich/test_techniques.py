"""Techniques by id, by name and by phrase, each with its sentence."""

import pytest

from socdefenders.enrich import phrases, read_article, techniques
from socdefenders.enrich.rules import Rules
from socdefenders.indicators import extract
from socdefenders.model import Confidence
from tests.unit.enrich.invented import known, nothing, read, split
from tests.unit.enrich.technique_examples import EXAMPLES

ROWS = [[cell.strip() for cell in line.split("|")] for line in EXAMPLES.strip().splitlines()]
RULES = Rules(phrases.PHRASES)


def matched(text: str) -> set[str]:
    return {rule for rule, _ in RULES.search(text.lower().encode())}


@pytest.mark.parametrize(("rule", "example", "_"), ROWS)
def test_a_rule_matches_its_example(rule: str, example: str, _: str) -> None:
    assert rule in matched(example)


@pytest.mark.parametrize(("rule", "_", "other"), ROWS)
def test_a_rule_matches_nothing_that_only_looks_like_it(rule: str, _: str, other: str) -> None:
    assert rule not in matched(other)


OTHERS = [
    ("T1204.001", "The user clicks the “Update” button.", "The user clicks the “Disable” button."),
    ("T1059.004", "It runs shell scripts.", "The macro may execute shell commands."),
    ("T1497", "It bypasses the sandbox of scanners.", "It bypasses the Java sandbox."),
    ("T1140", "It decodes the payload.", "Deobfuscating the code shows its server."),
    ("T1027", "It has obfuscated code.", "Here is the deobfuscated code."),
    ("T1555.003", "It collects browser history.", "The page collects browser information."),
    ("T1033", "It collects the user name.", "It steals stored usernames."),
    ("T1049", "It runs netstat.", "It hides from tools like netstat."),
    ("T1614", "It checks the user's location.", "It checks its location on disk."),
    ("T1560", "Stolen files are compressed.", "A stolen information archive was published."),
    ("T1071.001", "It calls home over HTTPS.", "Call it TLS or HTTPS."),
    ("T1132.001", "It is sent as base64.", "The note is present in base64."),
    ("T1083", "It looks for files on disk.", "Legitimate looking files on disk."),
    ("T1560", "It compresses the collected data.", "Packets show how the stolen data left."),
    ("T1033", "It collects the username of the victim.", "The page collects the username and password."),
    ("T1005", "It steals files from the disk.", "We extracted files from the binary."),
    ("T1003", "It does credential dumping.", "They bought credential dumps."),
    ("T1016", "It sends the IP address home.", "It sends traffic to one of the IP addresses."),
    ("T1071.001", "It sends a POST request to the C2.", "The app sends a POST request to the authorization server."),
]


@pytest.mark.parametrize(("rule", "example", "other"), OTHERS)
def test_a_rule_tells_what_was_done_from_what_only_sounds_like_it(rule: str, example: str, other: str) -> None:
    assert rule in matched(example)
    assert rule not in matched(other)


def test_every_rule_has_an_example() -> None:
    assert {rule for rule, _, _ in ROWS} == {rule for rule, _ in phrases.PHRASES}


def test_an_id_is_certain_and_quoted() -> None:
    [found] = read("The shell was theirs (T1059.001), says the report.").techniques
    assert (found.name, found.how, found.confidence) == ("T1059.001", "id", Confidence.HIGH)
    assert found.evidence == "The shell was theirs (T1059.001), says the report."


def test_an_id_of_the_title_counts() -> None:
    assert [each.name for each in read("Nothing.", "What T9001 is").techniques] == ["T9001"]


def test_an_old_id_is_what_it_became() -> None:
    assert [each.name for each in read("They used T1086 there.").techniques] == ["T1059.001"]


def test_an_id_that_nobody_gave_is_none() -> None:
    assert not read("The model T9999 is a car.", "T9998").techniques


def test_a_tactic_is_no_technique() -> None:
    assert not read("All this is TA0002 of course.").techniques


@pytest.mark.parametrize("text", ["They were Pulling the Plug there.", "| Pulling the Plug | at night |"])
def test_a_name_with_its_capitals_counts(text: str) -> None:
    [found] = read(text).techniques
    assert (found.name, found.how, found.confidence) == ("T9001", "name", Confidence.MEDIUM)


@pytest.mark.parametrize(
    "text", ["They were pulling the plug.", "They have Cloud Accounts there.", "Pulling the Plugs."]
)
def test_other_names_do_not(text: str) -> None:
    assert not read(text).techniques


def test_of_two_names_the_longer_counts() -> None:
    assert [each.name for each in read("They were Pulling the Plug Slowly.").techniques] == ["T9003"]


def test_a_name_beside_an_id_says_nothing_more() -> None:
    assert [each.name for each in read("T1059.001 is not Pulling the Plug.").techniques] == ["T1059.001"]


def test_a_phrase_says_which_words_matched() -> None:
    [found] = read("At night the miner adds a cron job for root.").techniques
    assert (found.name, found.how, found.surface) == ("T1053.003", "phrase", "cron job")


@pytest.mark.parametrize(
    "text",
    [
        "You should look for cron jobs of root.",
        "Firms limit the use of cron jobs.",
        "Preventing cron jobs helps.",
        "Let's say it adds a cron job.",
        "You can add a cron job for it.",
    ],
)
def test_advice_is_no_report(text: str) -> None:
    assert not read(text).techniques


@pytest.mark.parametrize("text", ["It does not add cron jobs.", "It has no cron jobs."])
def test_what_was_not_done_is_none(text: str) -> None:
    assert not read(text).techniques


def test_without_knowledge_ids_and_phrases_are_still_found() -> None:
    text = "They used T1086. It adds a cron job."
    found = read_article("", text, extract(text), nothing())
    assert [each.name for each in found.techniques] == ["T1086", "T1053.003"]
    assert found.attack_version == ""


def test_the_version_is_said() -> None:
    assert read("Nothing.").attack_version == "19.2"


def test_indicators_beyond_the_text_do_no_harm() -> None:
    indicators = extract("They used T1059.001 there.")
    assert not techniques.find(split(""), indicators, known())
