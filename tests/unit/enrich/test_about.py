"""Sectors, category, severity and classification: what an article says was hit, what it is about, and how bad it is."""

import pytest

from socdefenders.enrich import Category, category, sectors, severity
from tests.unit.enrich.invented import read, split

SECTORS = [
    ("chemical", "They targeted a chemical company.", "The chemical company was founded in May."),
    ("commercial-facilities", "Two casinos were hit.", "Two casinos opened."),
    ("communications", "The attack hit telecom providers.", "Telecom providers met in Vane."),
    ("critical-manufacturing", "Victims are in the manufacturing sector.", "The manufacturing sector grew."),
    ("dams", "They attacked a dam.", "A dam was built."),
    ("defense-industrial-base", "They compromised a defense contractor.", "A defense contractor hired ten people."),
    ("emergency-services", "The outage affected emergency services.", "Emergency services practised."),
    ("energy", "They attacked the power grid.", "The power grid is old."),
    ("financial-services", "Three banks were breached.", "Three banks merged."),
    ("food-and-agriculture", "The ransomware hit a food company.", "A food company was sold."),
    ("government-facilities", "The campaign is aimed at ministries.", "Ministries are closed on Monday."),
    ("healthcare-and-public-health", "Hospitals were hit.", "Hospitals were built."),
    ("information-technology", "They breached a cloud provider.", "A cloud provider moved."),
    ("nuclear", "They attacked a nuclear facility.", "A nuclear facility was closed."),
    ("transportation-systems", "An airline was hacked.", "An airline bought planes."),
    ("water-and-wastewater", "They compromised a water utility.", "A water utility was sold."),
]


@pytest.mark.parametrize(("sector", "hit", "spoken_of"), SECTORS)
def test_a_sector_counts_where_it_was_hit(sector: str, hit: str, spoken_of: str) -> None:
    found = sectors.find(split(hit))
    assert sector in [each.name for each in found]
    assert all(each.evidence == hit for each in found)
    assert not sectors.find(split(spoken_of))


def test_all_sixteen_can_be_found() -> None:
    tables = (*sectors.NAMED, *sectors.VICTIMS, *sectors.LISTED)
    assert {sector for sector, _ in tables} == {sector for sector, _, _ in SECTORS}
    assert len(SECTORS) == 16


@pytest.mark.parametrize(
    "text",
    [
        "The page spoofed banks to target users.",
        "Banks should watch for attacks.",
        "We did not see attacks on banks.",
        "The Nuclear exploit kit infected visitors.",
        "The sector of water is no target of financially motivated crews.",
        "They told journalists of the attack.",
        "The app spies on banking apps.",
        "The victim is asked for a SWIFT number.",
        "The link to the government says that they are going to attack a wide range of industries.",
    ],
)
def test_who_was_not_hit_does_not_count(text: str) -> None:
    assert not sectors.find(split(text))


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("They attacked manufacturing, media and energy companies.", {"commercial-facilities", "energy"}),
        ("They attacked finance, water, and food/retail firms for oil.", {"water-and-wastewater"}),
        ("A university hospital was hit.", {"healthcare-and-public-health"}),
        ("They hit legal, retail, and healthcare sector staff.", {"healthcare-and-public-health"}),
        ("They spy on exiled journalists.", {"commercial-facilities"}),
        ("The security incident was at a water utility.", {"water-and-wastewater"}),
    ],
)
def test_who_was_hit_counts(text: str, hit: set[str]) -> None:
    found = {each.name for each in sectors.find(split(text))}
    assert hit <= found
    assert "government-facilities" not in found


def test_a_list_of_sectors_is_read_to_its_end() -> None:
    found = sectors.find(split("They target the energy, aviation and banking sectors."))
    assert {each.name for each in found} == {"energy", "transportation-systems", "financial-services"}


CATEGORIES = [
    ("vulnerabilities", "Patch fixes flaw in Vane Server", "security-update"),
    ("malware", "Glasspike is a new banking trojan", "banking-trojan"),
    ("ransomware", "Town of Vane hit by ransomware", "ransomware-attack"),
    ("threat-intelligence", "Espionage by state-backed threat actors", "espionage-campaign"),
    ("data-breaches", "Vane leaked data of customers in a data leak", "data-leak"),
    ("attacks-breaches", "DDoS takes Vane down in cyberattack", "ddos-attack"),
    ("phishing", "Phishing pages ask for login credentials", "credential-phishing"),
    ("policy", "Two men arrested and indicted", "arrest-or-charges"),
    ("research", "A survey of trends", "survey-or-report"),
    ("tools", "Free decryptor now available", "decryptor"),
]


@pytest.mark.parametrize(("slug", "title", "kind"), CATEGORIES)
def test_a_title_says_what_an_article_is_about(slug: str, title: str, kind: str) -> None:
    found = read("It happened in May.", title)
    assert (found.category.slug, found.classification.slug) == (slug, kind)
    assert found.category.reasons[0].name == slug


@pytest.mark.parametrize(
    ("text", "title", "slug"),
    [
        ("It was found in May.", "Slatetern EK adds a new exploit", "malware"),
        ("It was bought in May.", "How cybercriminals buy vaccines", "threat-intelligence"),
        ("Cybercriminals sell it.", "Stealer sold", "malware"),
        ("Adversaries are apt to use it.", "Malware is back", "malware"),
        ("A shop was closed by law enforcement.", "Takedown of a card shop", "policy"),
        ("It was found in May.", "Threat actors spread malicious VPN apps with a stealer", "malware"),
        ("Vendors met in May.", "The current state of a cybercrime underground", "threat-intelligence"),
        ("They are sent by malicious messages.", "Millions of malicious messages", "phishing"),
        ("It blocks malware.", "Announcement: an extended view", "tools"),
        ("It blocks malware.", "Vane named top player in a quadrant", "research"),
        ("The second data dump came in May.", "Notes of the week", "data-breaches"),
    ],
)
def test_what_the_words_of_a_title_weigh(text: str, title: str, slug: str) -> None:
    assert read(text, title).category.slug == slug


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("New rootkit and its loader", "rootkit"),
        ("Attackers are exploiting a flaw of Vane Server", "exploited-vulnerability"),
    ],
)
def test_the_kind_says_it_in_more_detail(title: str, kind: str) -> None:
    assert read("It happened in May.", title).classification.slug == kind


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("destructive", "It is a destructive botnet."),
        ("state-actor", "Actors are apt to send it."),
        ("millions-affected", "They sent 45 million messages for $4 million."),
        ("operations-disrupted", "The police forced it offline."),
    ],
)
def test_what_only_sounds_severe_adds_nothing(name: str, text: str) -> None:
    assert name not in {each.name for each in read(text, "A flaw").severity.reasons}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("exploited", "Attackers are exploiting it."),
        ("exploited", "The campaign leverages a zero-day."),
        ("destructive", "It is a destructive attack."),
        ("exploited", "We see attacks targeting it in the wild."),
        ("ordered-to-act", "Users should apply the patches immediately."),
        ("operations-disrupted", "It forced two hospitals offline."),
        ("state-actor", "It is the work of an APT."),
    ],
)
def test_what_is_severe_in_other_words_adds_too(name: str, text: str) -> None:
    assert name in {each.name for each in read(text, "A flaw").severity.reasons}


def test_every_category_is_tried_and_named() -> None:
    assert tuple(slug for slug, _, _ in CATEGORIES) == category.CATEGORIES
    assert {slug for slug, _ in category.CUES} == set(category.CATEGORIES) == set(severity.BASES)


def test_a_name_in_the_title_says_it_too() -> None:
    assert read("It is back.", "Glasspike returns").category.slug == "malware"
    assert read("It is back.", "Quiet Heron returns").category.slug == "threat-intelligence"


def test_a_name_in_capitals_says_it_too() -> None:
    assert read("Quiet Heron is back.", "QUIET HERON: back").category.slug == "threat-intelligence"


def test_a_text_about_nothing_is_research_without_confidence() -> None:
    found = read("The garden is green.", "On gardens")
    assert (found.category.slug, found.category.confidence) == ("research", 0)
    assert found.classification.slug == "security-research"


SEVERE = [
    ("exploited", "It is actively exploited.", "It is active."),
    ("zero-day", "It is a zero-day.", "It has zero days left."),
    ("remote-code-execution", "It allows remote code execution.", "It is remote."),
    ("without-credentials", "An unauthenticated caller can do it.", "A caller can do it."),
    ("public-exploit", "Exploit code is public.", "The code is public."),
    ("ordered-to-act", "The emergency directive names it.", "The directive names it."),
    ("destructive", "It is a wiper.", "It is a cloth."),
    ("ransom", "They extort victims.", "They exhort readers."),
    ("supply-chain", "It was a supply chain attack.", "The chain is long."),
    ("state-actor", "It is espionage.", "It is theft."),
    ("millions-affected", "It concerns 3 million users.", "It concerns 3 users."),
    ("operations-disrupted", "It disrupted operations.", "It was operated on."),
    ("widespread", "It is a global ransomware outbreak.", "It is a global firm."),
    ("no-exploitation-known", "There is no evidence of exploitation.", "There is evidence."),
]


@pytest.mark.parametrize(("name", "text", "other"), SEVERE)
def test_what_a_lead_says_adds_to_the_severity(name: str, text: str, other: str) -> None:
    reasons = {each.name: each for each in read(text, "A flaw").severity.reasons}
    assert reasons[name].points == severity.ADDS[name]
    assert name not in {each.name for each in read(other, "A flaw").severity.reasons}


def test_every_addend_is_tried() -> None:
    assert [name for name, _, _ in SEVERE] == list(severity.ADDS)


def test_the_reasons_add_up_to_the_score() -> None:
    text = "A zero-day that is actively exploited allows remote code execution. Hospitals were hit. Hospitals are hit."
    found = read(
        text + " It hit 3 million users in a wave of supply chain attacks, and emergency directive 1.", "A flaw"
    )
    assert found.severity.score == pytest.approx(sum(each.points for each in found.severity.reasons))
    assert (found.severity.score, found.severity.label) == (10.0, "critical")
    assert found.severity.reasons[-1].name == "bounds"


@pytest.mark.parametrize("written", ["CVSS 9.8", "CVSS score of 9.8", "CVSSv3.1 base score: 9.8", "CVSS v3: 9.8"])
def test_a_score_of_cvss_is_the_least(written: str) -> None:
    assert read(f"It has a {written} here.", "A flaw").severity.score == 9.8


def test_a_score_of_cvss_is_for_vulnerabilities_alone() -> None:
    assert read("It has a CVSS 9.8 here.", "New trojan is a banking trojan and a stealer").severity.score == 4.5


@pytest.mark.parametrize(("score", "label"), [(9.0, "critical"), (7.0, "high"), (4.0, "medium"), (3.9, "low")])
def test_the_bands_are_those_of_cvss(score: float, label: str) -> None:
    found = severity.assess(Category("vulnerabilities", 0, ()), split(f"CVSS {score}"), ())
    assert found.label == label or found.score == severity.BASES["vulnerabilities"]


def test_what_is_only_said_far_down_adds_nothing() -> None:
    assert "zero-day" not in {
        each.name for each in read("It is old.\n" * 20 + "A zero-day.", "A flaw").severity.reasons
    }
