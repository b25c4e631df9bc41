"""The README and the docs: their Python sessions run and print what stands there."""

import doctest
import re
from pathlib import Path
from textwrap import indent

import pytest
from readme_commands import commands

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


class Output(doctest.OutputChecker):
    """Compares what is printed; of an error such as 2.2e-16 only that it is as small."""

    def check_output(self, want, got, optionflags):
        rounding = re.compile(r"\b\d\.\d+e[-+]\d\d\b")
        for text in (want, got):
            assert all(float(x) < 1e-12 for x in rounding.findall(text)), text
        return super().check_output(
            rounding.sub("tiny", want), rounding.sub("tiny", got), optionflags
        )


def blocks(page, language):
    """(line, text) of the fenced blocks of a language."""
    text = page.read_text(encoding="utf-8")
    # files that are quoted whole have blocks of their own
    text = re.sub(r"^~~~~.*?^~~~~$", lambda m: "\n" * m[0].count("\n"), text, flags=re.S | re.M)
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, flags=re.S | re.M):
        yield text[: match.start()].count("\n") + 2, match[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sessions_print_what_stands_there(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    failures = []
    for line, text in blocks(page, "python"):
        if ">>>" not in text:  # a script, with assertions of its own
            exec(compile("\n" * (line - 1) + text, str(page), "exec"), names)
            continue
        # in a doctest a blank line ends the output; here the block's end does
        text = re.sub(r"^$(?!\n>>>)", "<BLANKLINE>", text.rstrip("\n"), flags=re.M) + "\n"
        test = doctest.DocTestParser().get_doctest(text, names, page.name, str(page), line - 1)
        runner = doctest.DocTestRunner(checker=Output())
        runner.run(test, out=failures.append, clear_globs=False)
        names = test.globs
    assert not failures, "".join(failures)


def test_the_readme_runs_python():
    assert list(blocks(ROOT / "README.md", "python"))


def test_the_readme_quotes_a_generated_module():
    ((_, quoted),) = blocks(ROOT / "README.md", "py")
    module = (ROOT / "generated" / "classifier.py").read_text(encoding="utf-8")
    assert indent(quoted, " " * 8) in module


def test_the_readme_has_the_two_commands():
    both = commands()
    assert "symgrad demo" in both["demo"]
    assert "pytest" in both["test"]
    assert all("pip install" in command for command in both.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
