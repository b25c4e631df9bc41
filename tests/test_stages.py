"""The stages of the pipeline: imports only go up their list (docs/architecture.md)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import symgrad

PACKAGE = Path(symgrad.__file__).parent
STAGES = [
    "errors", "tensor", "declare", "simplify", "calculus", "notation", "check", "codegen", "show",
    "train", "interop", "cli", "__main__",
]  # fmt: skip

#: Values that print themselves by a later stage, imported inside the method: the one exception.
PRINTING = {"tensor/nodes.py", "declare/graph.py", "calculus/derivation.py"}

FILES = sorted(p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py"))


def stage_of(path):
    return STAGES.index(Path(path).parts[0].removesuffix(".py"))


def imported(tree):
    """(the stage that is imported, whether at the top level) of every import of symgrad."""
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
            if node.module == "symgrad":
                names = [f"symgrad.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        assert not (isinstance(node, ast.ImportFrom) and node.level), "imports are absolute"
        for name in names:
            parts = name.split(".")
            if parts[0] == "symgrad" and len(parts) > 1 and parts[1] in STAGES:
                yield STAGES.index(parts[1]), id(node) in top


@pytest.mark.parametrize("path", [f for f in FILES if f != "__init__.py"])
def test_imports_go_up(path):
    own = stage_of(path)
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    for stage, at_top in imported(tree):
        allowed = stage <= own or (path in PRINTING and not at_top)
        assert allowed, f"{path} imports the later stage {STAGES[stage]}"


def test_every_folder_is_a_stage():
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and (p / "__init__.py").exists()}
    assert folders <= set(STAGES)


def test_importing_symgrad_loads_no_heavy_library():
    code = (
        "import sys, symgrad; "
        "print([m for m in ('sympy', 'numba', 'scipy', 'rich', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
