"""What the tests of what is known beforehand share."""

from pathlib import Path

import pytest

from socdefenders.knowledge import packages, store
from socdefenders.knowledge.store import Origin
from tests.unit.knowledge.small import everything


@pytest.fixture
def installed_knowledge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a small bundle that says it was compiled out of the installed packages."""
    directory = tmp_path_factory.mktemp("knowledge")
    said = [packages._package(name, version, None) for name, version in packages.installed().items()]
    store.rebuild(directory, Origin(packages.installed, lambda: everything()._replace(packages=said)))
    return directory
