"""The README and the docs: their Python sessions run and print what stands there."""

import doctest
import re
from pathlib import Path

import pytest
from readme_commands import commands

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def blocks(page, language):
    """(line, text) of the fenced blocks of a language."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, flags=re.S | re.M):
        yield text[: match.start()].count("\n") + 2, match[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sessions_print_what_stands_there(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    failures = []
    for line, text in blocks(page, "python"):
        assert ">>>" in text, f"{page.name}, line {line}: a block of Python without a session"
        test = doctest.DocTestParser().get_doctest(text, names, page.name, str(page), line - 1)
        runner = doctest.DocTestRunner(optionflags=FLAGS)
        runner.run(test, out=failures.append, clear_globs=False)
        names = test.globs
    assert not failures, "".join(failures)


def test_the_readme_runs_python():
    assert list(blocks(ROOT / "README.md", "python"))


def test_the_readme_has_the_two_commands():
    both = commands()
    assert "symgrad demo" in both["demo"]
    assert "pytest" in both["test"]
    assert all("pip install" in command for command in both.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
