"""Where the collections of real data lie that some tests and the benchmark read; they are no part of this project."""

import os
from pathlib import Path

SHARED = Path(os.environ.get("SOCDEFENDERS_SHARED") or Path(__file__).resolve().parents[2] / "shared")
"""The folder that the variable names; else `shared` beside the checkout, whatever directory the tests run in."""
DATA = SHARED / "data"
MISSING = f"no real data at {DATA}; set SOCDEFENDERS_SHARED"
"""Why a test that needs them is skipped."""
