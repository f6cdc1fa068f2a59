"""Texts that say nothing, each its own: what tests of likeness and stories compare."""

from random import Random


def prose(seed: int, words: int = 300) -> str:
    """Return words without meaning, in sentences and lines; the same for the same seed."""
    chance = Random(seed)
    said = [f"{chance.choice('bdfgklmnprst')}{chance.choice('aeiou')}{chance.randrange(10_000)}" for _ in range(words)]
    return "\n".join(" ".join(said[start : start + 12]).capitalize() + "." for start in range(0, words, 12))
