"""Which sentences of an article sum it up."""

import pytest

from tests.unit.enrich.invented import read

TITLE = "Quiet Heron targets ministries with Glasspike"
LEAD = "The actor Quiet Heron compromised three ministries and deployed the Glasspike backdoor in May."
SECOND = "The attackers exploited CVE-2031-12345 in the mail server and exfiltrated the mailboxes of officials."
THIRD = "Victims were found in two countries, where the malware stole credentials and distributed phishing messages."
FILLER = [
    "Subscribe to our newsletter to learn more about what our team observed in this campaign this year.",
    "* A bullet says that the malware was deployed by attackers in a campaign of this size.",
    "Figure 3: the malware that the attackers deployed against the ministries of two countries.",
    "Organizations should patch their servers and ensure that the malware cannot exploit them again.",
    "Is this the malware that attackers have deployed against the ministries of two countries?",
    "As we mentioned in an earlier post, the attackers deployed the malware at ministries of two countries.",
    "Please see our post on the malware that the attackers deployed against ministries of two countries.",
    "When you look at it, you find that attackers deployed the malware against ministries of two countries.",
    "Shortly thereafter the malware was deployed by attackers in a campaign against ministries of two countries.",
    "The malware was deployed by attackers, as [we found](https://vane.example/#:~:text=Vane%20(x,victims.",
    "malware deployed by attackers who targeted ministries of two countries in a campaign in May.",
]


def test_three_sentences_in_their_order() -> None:
    text = "\n\n".join([FILLER[0], LEAD, *FILLER[1:3], SECOND, *FILLER[3:], THIRD, "The weather was fine that day."])
    assert read(text, TITLE).summary == f"{LEAD} {SECOND} {THIRD}"


def test_what_is_said_again_is_not_taken_again() -> None:
    again = LEAD.replace("in May", "in early May")
    assert read(f"{LEAD} {again} {SECOND}", TITLE).summary == f"{LEAD} {SECOND}"


@pytest.mark.parametrize("text", ["", "Too short.", "a list of words without an end", "x" * 5_000])
def test_without_sentences_there_is_none(text: str) -> None:
    assert read(text, TITLE).summary == ""


def test_markup_is_stripped_and_defanging_kept() -> None:
    text = (
        "The **Glasspike** backdoor of [Quiet Heron](https://vane.example/a) calls evil[.]example to steal more files."
    )
    assert read(text, TITLE).summary == (
        "The Glasspike backdoor of Quiet Heron calls evil[.]example to steal more files."
    )


def test_the_words_of_a_link_are_words_of_their_own() -> None:
    text = "The[Glasspike](https://vane.example/a)malware of [crew](https://vane.example/b)s stole files in May."
    assert read(text, TITLE).summary == "The Glasspike malware of crews stole files in May."
