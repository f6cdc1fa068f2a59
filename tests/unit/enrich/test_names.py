"""Which names are mentions, and what they are names of."""

import pytest

from socdefenders.enrich import names
from socdefenders.model import Confidence
from tests.unit.enrich.invented import known, nothing, read, split

FOUND = [
    # As filed, and in other capitals.
    ("The Glasspike loader is new.", "Glasspike", "malware"),
    ("A copy of GLASSPIKE was found.", "Glasspike", "malware"),
    ("Glasspike's server is down.", "Glasspike", "malware"),
    ("Glasspike-infected hosts were cleaned.", "Glasspike", "malware"),
    ("Several words: QuietHeron was back.", "Quiet Heron", "actor"),
    # Names with a number, however it is written.
    ("It is the work of UNC9001 again.", "Quiet Heron", "actor"),
    ("It is the work of UNC-9001 again.", "Quiet Heron", "actor"),
    # Several words, every capital there.
    ("It is the work of Quiet Heron again.", "Quiet Heron", "actor"),
    # A word of English, next to a cue.
    ("They deployed Heron ransomware there.", "Heron", "ransomware"),
    ("The group, tracked as Tidal, is back.", "Tidal", "actor"),
    ("Hosts hit by the Bramble ransomware were wiped.", "Bramble Ransomware", "ransomware"),
    # A cue anywhere vouches for the rest.
    ("Heron is back. The ransomware Heron locks files.", "Heron", "ransomware"),
    # In lower case only with what no word has.
    ("They used b1nder to pack it.", "b1nder", "tool"),
    # With an underscore, which code has too.
    ("It came with Slate_tern in May.", "Slate_tern", "malware"),
    (r"It came with slate\_tern in May.", "Slate_tern", "malware"),
    # One word of two, written as two.
    ("The Copper Finch loader is new.", "CopperFinch", "malware"),
    ("A copy of Mudlark RAT was found.", "MudlarkRAT", "malware"),
    ("A copy of Mudlark-RAT was found.", "MudlarkRAT", "malware"),
    ("The dUsk Stealer is new.", "dUsk Stealer", "malware"),
    ("They bought the dUsk stealer there.", "dUsk Stealer", "malware"),
    ("They used B1nder to pack it.", "b1nder", "tool"),
    ("It served Glasspike/Willow/Larch to visitors.", "Glasspike", "malware"),
    # Compared in one sentence, and meant in the next.
    ("It is similar to Glasspike. The code of Glasspike is new.", "Glasspike", "malware"),
    # A very common word: not where any word has a capital.
    ("Last week the Oak ransomware spread.", "Oak", "ransomware"),
]
NOT_FOUND = [
    "It fetched https://glasspike.example/ twice.",
    r"It sits in C:\Glasspike\run and waits.",
    "It runs `Glasspike` and waits.",
    "It drops Glasspike.exe and waits.",
    "The user is @Glasspike there.",
    "The glasspike is a tool of glaziers.",
    "Glasspikes are tools.",
    "The quiet heron stood in the pond.",
    "The Heron stood in the pond.",
    "The Tidal range is large.",
    "They called PowerShell to do it.",
    "The Energy was gone.",
    "Oak groups stood by the road.",
    "The group, tracked as Tidal Lantern, is back.",
    "UNC 9001st place.",
    "It drops a_Glasspike and waits.",
    "Scanners call it Trojan.Vane!Glasspike there.",
    "A Copper Finch sat on the fence.",
    # Only something like it, or somebody who passes for it.
    "Its activity is quite similar to the well-known Glasspike.",
    "It works similarly to b1nder, Slate_tern and Glasspike.",
    "Criminals posing as the feared group “Quiet Heron” wrote to three banks.",
    "They claim to be members of Quiet Heron.",
    "Unlike Glasspike, it has no worm.",
    "It has some resemblance to recent payloads of Glasspike.",
    "It shares some similarities with the Glasspike loader.",
    "It was the work of somebody else and not Glasspike.",
    "It runs Vane/Glasspike/run.txt and waits.",
    "The dusk Stealer is no name.",
    # Elsewhere.
    "[3] Vane, 2031, The Glasspike loader.",
    "* [All about the Glasspike loader](https://vane.example/1)",
    'Read [more](https://vane.example/1 "The Glasspike loader").',
]


@pytest.mark.parametrize(("text", "name", "kind"), FOUND)
def test_a_mention_is_found(text: str, name: str, kind: str) -> None:
    found = read(text)
    assert [(each.name, each.kind) for each in (*found.actors, *found.malware)] == [(name, kind)]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_is_no_mention_is_not(text: str) -> None:
    found = read(text)
    assert not found.actors
    assert not found.malware


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The Moorlock group is back.", "Moorlock"),
        ("The Moorlock backdoor is back.", "Fencepost"),
        ("Victims of Moorlock, a new backdoor, were told.", "Fencepost"),
        ("Victims of Moorlock, an APT group, were told.", "Moorlock"),
        ("Victims of Moorlock were told.", "Moorlock"),
    ],
)
def test_of_several_candidates_the_cue_chooses(text: str, name: str) -> None:
    found = read(text)
    [each] = (*found.actors, *found.malware)
    assert each.surface == "Moorlock"
    assert each.name == name
    assert set(each.candidates) == {"Moorlock", "Fencepost"}


def test_without_a_cue_an_ambiguous_name_is_less_certain() -> None:
    assert read("Victims of Moorlock were told. Moorlock is old.").actors[0].confidence is Confidence.MEDIUM
    assert read("The Moorlock group is back. Moorlock is old.").actors[0].confidence is Confidence.HIGH


def test_the_names_of_one_actor_are_one() -> None:
    found = read("Quiet Heron, also called Tin Kettle, is back. Quiet Heron is old.")
    assert [(each.name, each.surface) for each in found.actors] == [("Quiet Heron", "Quiet Heron")]


def test_the_evidence_is_the_sentence_with_the_cue() -> None:
    found = read("Heron came up. The ransomware Heron locks files. Heron again.")
    assert found.malware[0].evidence == "The ransomware Heron locks files."


def test_a_heading_vouches_for_no_very_common_word() -> None:
    assert not read("Oak Ransomware Hits Town Of Vane", "Oak Ransomware Hits Town").malware


def test_without_knowledge_there_are_no_names() -> None:
    assert names.find(split("The Glasspike loader is new."), nothing()) == ((), ())


def test_the_automaton_is_built_once() -> None:
    assert names.automaton(known()) is names.automaton(known())


def test_letters_that_grow_when_lowered_move_nothing() -> None:
    assert read("İİİ The Glasspike loader.").malware[0].surface == "Glasspike"


ONCE = "The same was seen in May with the campaigns of Tin Kettle, which were smaller."


@pytest.mark.parametrize(
    ("title", "text", "found"),
    [
        ("Tidal group is back", ONCE, {"Tidal"}),
        ("Tidal group is back", f"{ONCE} {ONCE}", {"Tidal", "Quiet Heron"}),
        ("Tidal group is back", ONCE.replace("Tin Kettle", "the group Tin Kettle"), {"Tidal", "Quiet Heron"}),
        ("Tidal group is back", "* Tin Kettle\n* Others", {"Tidal", "Quiet Heron"}),
        ("An actor is back", ONCE, {"Quiet Heron"}),
    ],
)
def test_an_article_on_one_actor_names_another_in_passing(title: str, text: str, found: set[str]) -> None:
    assert {each.name for each in read(text, title).actors} == found


def test_malware_named_in_passing_is_its_tool() -> None:
    found = read("It came in May with the loader that fetched b1nder, which is smaller.", "Glasspike is back")
    assert {each.name for each in found.malware} == {"Glasspike", "b1nder"}
