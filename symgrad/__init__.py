"""symgrad: derive, verify and compile gradients and Hessians of neural networks.

The public names are loaded when they are first used, so that `import symgrad` is quick.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

#: Public name -> the module that defines it.
_PUBLIC: dict[str, str] = (
    dict.fromkeys(("dims", "parameter", "scalar", "tensor"), "symgrad.declare.symbols")
    | dict.fromkeys(("elementwise", "function"), "symgrad.declare.functions")
    | dict.fromkeys(("Graph",), "symgrad.declare.graph")
    | dict.fromkeys(("parse",), "symgrad.declare.parse")
    | dict.fromkeys(("parse_latex",), "symgrad.declare.latex")
    | dict.fromkeys(("load",), "symgrad.declare.files")
    | dict.fromkeys(("batched",), "symgrad.declare.batched")
    | dict.fromkeys(
        "Derivation Derivative ggnvp gradient hessian hvp jacobian jvp vjp".split(),
        "symgrad.calculus",
    )
    | dict.fromkeys(("CheckReport", "Equality", "check", "equal"), "symgrad.check")
    | dict.fromkeys(("Verdict", "Verdicts", "verify"), "symgrad.check.verify")
    | dict.fromkeys(("Verification", "verify_file"), "symgrad.check.documents")
    | dict.fromkeys(("compile", "generate"), "symgrad.codegen")
    | dict.fromkeys(("Summary", "summary"), "symgrad.show.summary")
    | dict.fromkeys(
        """
        DeclarationError GradientMismatch MissingExtra NameClash NotDifferentiable ParseError
        ShapeError SymgradError TemplateError UnknownName ValueMismatch
        """.split(),
        "symgrad.errors",
    )
)

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(import_module(_PUBLIC[name]), name)
    else:
        vocabulary = None if name.startswith("_") else _function(name)
        if vocabulary is None:
            raise AttributeError(f"module 'symgrad' has no attribute {name!r}")
        value = vocabulary
    globals()[name] = value
    return value


def _function(name: str) -> Any:
    """A function of the vocabulary: sg.exp, sg.softmax ..."""
    return import_module("symgrad.declare.vocabulary").FUNCTIONS.get(name)


def __dir__() -> list[str]:
    functions = import_module("symgrad.declare.vocabulary").FUNCTIONS
    return sorted([*__all__, *functions])


class _Package(ModuleType):
    """The package; its folders `tensor` and `check` must not hide the functions of those names."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
