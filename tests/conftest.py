"""What tests share: goldens, and random examples that are the same in every run."""

import difflib
from pathlib import Path

import pytest
from hypothesis import settings

# a fault found by chance would make a run of something else fail; more are drawn by hand
settings.register_profile("suite", derandomize=True)
settings.load_profile("suite")

collect_ignore = ["derivations"]  # what people write, to be read and never run

GOLDENS = Path(__file__).parent / "goldens"


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite the files in goldens/")


@pytest.fixture
def golden(request):
    """golden(name, text): the text must be that of the file goldens/<name>."""

    def compare(name, text):
        path = GOLDENS / name
        text = text.rstrip("\n") + "\n"
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        known = path.read_text(encoding="utf-8") if path.exists() else ""
        if text != known:
            lines = difflib.unified_diff(
                known.splitlines(), text.splitlines(), f"goldens/{name}", "now", lineterm=""
            )
            pytest.fail(
                "\n".join(lines) + "\nuse --update-golden to accept, and read what changes",
                pytrace=False,
            )

    return compare
