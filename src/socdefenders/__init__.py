"""SOC Defenders: who reported this indicator, when, in what context, and what else belonged to it."""

__version__ = "0.1.0"
