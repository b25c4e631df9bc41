"""Modules as files: written whole or not at all, imported, and compared with what is there."""

import hashlib
import importlib.util
import keyword
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from symgrad.calculus import Derivative
from symgrad.codegen.module import ZEROS, source_text
from symgrad.codegen.second import PRODUCTS
from symgrad.declare.graph import Graph
from symgrad.errors import DeclarationError, TemplateError

#: What modules import: a folder that holds another module of such a name cannot run them.
_IMPORTED = frozenset({"llvmlite", "math", "numba", "numpy", "scipy"})


def generate(
    what: Graph | Derivative,
    path: str | os.PathLike[str],
    *,
    dtype: str = "float64",
    second_order: bool | None = None,
    threads: int = 1,
) -> Path:
    """Write the module of a graph, or of one derivative; returns its path.

    Parameters
    ----------
    what :     a graph: its value and gradient, predictions, checks. A derivative, such as a
               Jacobian or a Hessian: `evaluate`, which fills its array.
    dtype :    of all real arrays, float64 or float32.
    second_order :  of a graph: also `hvp` and `ggnvp`, products with its Hessian and with its
               Gauss-Newton matrix, which splits the loss at what it reads; without a word, where
               there are second derivatives.
    threads :  1; BLAS may use more inside a product.

    Raises
    ------
    DeclarationError    if the dtype or the number of threads is another.
    TemplateError       if something in the graph has no code, or the file cannot be written there.
    NotDifferentiable   if there is no second derivative, and `second_order` asks for it.
    """
    _require_one(threads)
    source = source_text(what, dtype, second_order=second_order)
    target = Path(path)
    name = target.stem
    if target.suffix != ".py" or not name.isidentifier() or keyword.iskeyword(name):
        raise TemplateError(f"{target} is not the name of a Python module")
    if name in _IMPORTED:
        raise TemplateError(f"{target} would be imported in place of {name}, which it needs itself")
    write_whole(target, source)
    return target


def write_whole(target: Path, source: str) -> None:
    """Write a file beside its place and rename it, so that nobody ever sees half of it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(source)
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise TemplateError(f"cannot write {target}: {error.strerror}") from None


def compile(  # the public name
    what: Graph | Derivative,
    *,
    dtype: str = "float64",
    second_order: bool | None = None,
    threads: int = 1,
) -> ModuleType:
    """Generate a module into a folder of the user's cache and import it.

    The file's name is a digest of its text, so that Numba's cache on disk serves the next start.
    Without a word on `second_order`, products with second derivatives are derived and planned when
    `hvp` or `ggnvp` is read first. Otherwise as `generate`.
    """
    _require_one(threads)
    module = load_module(_cached(what, dtype, second_order=bool(second_order)))
    if second_order is None and isinstance(what, Graph):
        module.__getattr__ = _later(module, what, dtype)  # type: ignore[method-assign]
    return module


def _later(module: ModuleType, graph: Graph, dtype: str) -> Callable[[str], Any]:
    """What finds the products of a module that was made without them.

    They come from another module of the graph, which takes the same parameters and workspaces.
    """

    def find(name: str) -> Any:
        if name not in PRODUCTS:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        path = _cached(graph, dtype, second_order=True)
        more = load_module(path, f"{module.__name__}_products")
        for shared in ("Params", "Workspace"):
            setattr(more, shared, getattr(module, shared))
        found = {each: getattr(more, each) for each in PRODUCTS if hasattr(more, each)}
        vars(module).update(found)
        if name not in found:
            raise AttributeError(f"the loss of {graph.name} cannot be split: there is no {name}")
        return found[name]

    return find


def _cached(what: Graph | Derivative, dtype: str, *, second_order: bool) -> Path:
    """The file of a module in the user's cache."""
    source = source_text(what, dtype, second_order=second_order)
    stem = what.name if isinstance(what, Graph) else what.graph.name
    name = f"{stem}_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    target = _cache_folder() / f"{name}.py"
    if not (target.exists() and target.read_text(encoding="utf-8") == source):
        write_whole(target, source)
    return target


def _require_one(threads: int) -> None:
    if threads != 1:
        raise DeclarationError(
            f"threads={threads!r}: the loops of modules run on one thread",
            hint="OPENBLAS_NUM_THREADS sets how many threads a product of matrices uses",
        )


def load_module(path: Path, name: str = "") -> ModuleType:
    """Import a generated file; another file of that name, or another text, is another module.

    With a name of its own it is a module of its own.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    name = name or f"symgrad_generated_{path.stem.removesuffix(f'_{digest}')}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _cache_folder() -> Path:
    own = os.environ.get("SYMGRAD_CACHE")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "symgrad"


def difference(
    what: Graph | Derivative,
    path: str | os.PathLike[str],
    *,
    dtype: str = "float64",
    second_order: bool | None = None,
) -> str:
    """Why a file is not what would be generated now; empty if it is."""
    target = Path(path)
    if not target.exists():
        return f"{target} does not exist"
    found = target.read_text(encoding="utf-8", errors="replace")
    if found == source_text(what, dtype, second_order=second_order):
        return ""
    digest = re.search(r'"code": "([0-9a-f]{64})"', found)
    if not digest:
        return f"{target} was not generated by symgrad"
    blank = found.replace(digest.group(1), ZEROS)
    if hashlib.sha256(blank.encode()).hexdigest() != digest.group(1):
        return f"{target} was edited by hand"
    return f"{target} is outdated: the graph or symgrad has changed"
