"""Summaries by a language model, where an operator names one: asked for, checked against the article, kept.

A model may write two texts of an article and nothing else: a summary, and why it matters. Whatever it says, no
indicator, technique, actor, category or score comes of it, because an article can tell a model what to say.
"""

from socdefenders.summaries.answer import Answer, Dropped, answer_of, named_in
from socdefenders.summaries.breaker import Breaker
from socdefenders.summaries.client import Endpoint, ModelClient, Reply
from socdefenders.summaries.prompt import PROMPT_VERSION, Prompt, prompt_of
from socdefenders.summaries.summariser import Summariser

__all__ = [
    "PROMPT_VERSION",
    "Answer",
    "Breaker",
    "Dropped",
    "Endpoint",
    "ModelClient",
    "Prompt",
    "Reply",
    "Summariser",
    "answer_of",
    "named_in",
    "prompt_of",
]
