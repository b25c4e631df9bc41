"""The command line: `symgrad derive|check|verify|generate|summary FILE` and `symgrad demo`."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

import symgrad
from symgrad.errors import SymgradError

# Whatever is heavy is imported inside the command that needs it: --help answers at once.


class _Commands(TyperGroup):
    """Commands whose expected failures are a few readable lines and exit status 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # a pipe that nobody reads shows here, not while Python shuts down
        except SymgradError as error:
            _fail(type(error).__name__, str(error))
        except BrokenPipeError:
            raise
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            _fail("error", f"{place}{error.strerror or error}")
        except MemoryError as error:
            _fail("error", str(error) or "out of memory")
        except UnicodeDecodeError as error:
            _fail("error", f"a file is not a text in UTF-8: {error.reason}")
        return result


def _fail(kind: str, text: str) -> NoReturn:
    typer.secho(f"{kind}:", fg="red", bold=True, err=True, nl=False)
    typer.echo(f" {text}", err=True)
    raise typer.Exit(2)


app = typer.Typer(
    cls=_Commands,
    help="Gradients of neural networks from their equations: derived step by step, checked, and "
    "compiled to fast Numba modules.",
    epilog="FILE is a text of equations, net.sg, or net.py:name for a Graph of a Python file.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_File = Annotated[str, typer.Argument(metavar="FILE", help="net.sg, or net.py:name")]
_Wrt = Annotated[
    list[str] | None,
    typer.Option("--wrt", metavar="NAMES", help="Names to derive by, as W1,z1; default: all "
                 "parameters."),
]  # fmt: skip
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"symgrad {symgrad.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


@app.command()
def derive(
    file: _File,
    wrt: _Wrt = None,
    form: Annotated[
        str, typer.Option("--format", metavar="text|latex|markdown", help="How to write formulas.")
    ] = "text",
    shapes: Annotated[
        bool, typer.Option("--shapes", help="Print shapes beside the names.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Derive the gradients, step by step."""
    from symgrad.calculus import gradient
    from symgrad.declare.files import load
    from symgrad.show.terminal import working

    if form not in _FORMATS:
        raise typer.BadParameter(
            f"{form!r} is none of {', '.join(_FORMATS)}", param_hint="--format"
        )
    with working("deriving"):
        graph = load(file)
        derivation = gradient(graph, _names(wrt))
        if as_json:
            from symgrad.show.records import derivation_record

            shown = json.dumps(derivation_record(derivation), indent=2, ensure_ascii=False)
        else:
            shown = _FORMATS[form](derivation, shapes)
    print(shown)


def _text(derivation: Any, shapes: bool) -> str:
    from symgrad.show.terminal import fitted, width

    shown = f"{derivation.graph}\n\n{derivation.text(shapes=shapes)}"
    return fitted(shown, width()) if sys.stdout.isatty() else shown


_FORMATS: dict[str, Callable[[Any, bool], str]] = {
    "text": _text,
    "latex": lambda derivation, _: derivation.latex(),
    "markdown": lambda derivation, _: derivation.markdown(),
}


@app.command()
def check(
    file: _File,
    wrt: _Wrt = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the values that are drawn.")] = 0,
    sizes: Annotated[
        str, typer.Option(metavar="B=3,d=4", help="Sizes of dimensions; others are drawn.")
    ] = "",
    module: Annotated[
        Path | None,
        typer.Option("--module", metavar="PATH", help="Check this generated module of the graph."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Check the gradients against numerical differences; exit status 1 if one is wrong."""
    from symgrad.check import check as run
    from symgrad.declare.files import load
    from symgrad.show.terminal import fitted, width, working

    with working("checking"):
        graph, loaded = load(file), None if module is None else _module(module)
        report = run(graph, _names(wrt), seed=seed, sizes=_sizes(sizes), module=loaded)
    if as_json:
        from symgrad.show.records import report_record

        print(json.dumps(report_record(report), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(fitted(str(report), width()) if sys.stdout.isatty() else report)
    if not report:
        raise typer.Exit(1)


@app.command()
def verify(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A derivation: .md, .tex, .py or .sg.")
    ],
    network: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="The network, if the derivation does not define it: net.sg, or net.py:name.",
        ),
    ] = "",
    page: Annotated[
        Path | None, typer.Option("--html", metavar="PATH", help="Write a page of HTML too.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Verify a derivation by hand: each gradient proved, in agreement, or wrong, and why.

    Exit status 1 if a gradient is wrong or unreadable.
    """
    from symgrad.check.documents import verify_file
    from symgrad.codegen.build import write_whole
    from symgrad.show.terminal import width, working
    from symgrad.show.verdicts import verdict_table, verification_page, verification_record

    with working("verifying"):
        result = verify_file(file, network=network or None)
        if page is not None:
            write_whole(page, verification_page(result))
    if as_json:
        print(json.dumps(verification_record(result), indent=2, ensure_ascii=False))
    else:
        print(verdict_table(result, width(), sys.stdout.isatty()))
    if not result:
        raise typer.Exit(1)


def _module(path: Path) -> Any:
    """The generated module in a file."""
    from symgrad.codegen.build import load_module

    if path.suffix != ".py":
        raise typer.BadParameter(f"{path} is no file of Python", param_hint="--module")
    return load_module(path)


@app.command()
def generate(
    file: _File,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", help="Default: generated/NAME.py."),
    ] = None,
    dtype: Annotated[
        str, typer.Option(metavar="float64|float32", help="Of all real arrays.")
    ] = "float64",
    check_only: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit status 1 unless the file is up to date."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite a file that was edited by hand.")
    ] = False,
) -> None:
    """Write a self-contained Numba module."""
    from symgrad.codegen import difference
    from symgrad.codegen import generate as write
    from symgrad.declare.files import load
    from symgrad.errors import TemplateError
    from symgrad.show.terminal import working

    with working("generating"):
        graph = load(file)
        path = output or Path("generated") / f"{graph.name}.py"
        reason = difference(graph, path, dtype=dtype)
        if check_only:
            if reason:
                _differs(reason, graph, path, dtype)
        elif reason and path.exists() and "outdated" not in reason and not force:
            raise TemplateError(
                f"{reason}; it is left as it is", hint="choose another path with -o, or --force"
            )
        elif reason:
            write(graph, path, dtype=dtype)
    print(f"{path} is up to date" if check_only or not reason else f"wrote {path}")


def _differs(reason: str, graph: Any, path: Path, dtype: str) -> NoReturn:
    """Say why a file is not what would be written now, and how it differs."""
    from difflib import unified_diff
    from tempfile import TemporaryDirectory

    from symgrad.codegen import generate as write

    print(reason)
    if path.exists():
        with TemporaryDirectory() as folder:
            fresh = write(graph, Path(folder) / path.name, dtype=dtype).read_text(encoding="utf-8")
        found = path.read_text(encoding="utf-8", errors="replace")
        lines = list(
            unified_diff(
                found.splitlines(), fresh.splitlines(), f"{path} (found)", f"{path} (generated)",
                lineterm="", n=1,
            )
        )  # fmt: skip
        print("\n".join(lines[:_DIFF]))
        if len(lines) > _DIFF:
            print(f"... {len(lines) - _DIFF} lines more")
    raise typer.Exit(1)


#: How many lines of a difference are shown.
_DIFF = 40


@app.command()
def summary(
    file: _File,
    sizes: Annotated[
        str, typer.Option(metavar="B=32,d=64", help="Sizes of dimensions; others stay letters.")
    ] = "",
    dtype: Annotated[
        str, typer.Option(metavar="float64|float32", help="Of the module whose memory is told.")
    ] = "float64",
    as_json: _Json = False,
) -> None:
    """Tell the shapes, parameters, operations and memory of a network."""
    from symgrad.declare.files import load
    from symgrad.show.summary import summary as run
    from symgrad.show.terminal import fitted, width, working

    with working("summing up"):
        result = run(load(file), _sizes(sizes), dtype=dtype)
    if as_json:
        from symgrad.show.records import summary_record

        print(json.dumps(summary_record(result), indent=2, ensure_ascii=False))
    else:
        print(fitted(str(result), width()) if sys.stdout.isatty() else result)


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where the module is written.")
    ] = Path("generated"),
    seed: Annotated[int, typer.Option(min=0, help="Of parameters and mini-batches.")] = 0,
) -> None:
    """Learn handwritten digits: from equations to a trained network in seconds."""
    from symgrad.train.demo import run

    run(out, seed)


def _names(wrt: list[str] | None) -> list[str] | None:
    """W1,z1 and repeated options, as one list."""
    if not wrt:
        return None
    return [name for each in wrt for name in each.replace(",", " ").split()]


def _sizes(text: str) -> dict[str, int]:
    """B=3,d=4 as a dictionary."""
    sizes = {}
    for part in text.replace(",", " ").split():
        name, equals, value = part.partition("=")
        if not (equals and name and value.isdecimal() and int(value) > 0):
            raise typer.BadParameter(
                f"{part!r} is no size; write them as B=3,d=4", param_hint="--sizes"
            )
        sizes[name] = int(value)
    return sizes


def main() -> None:
    """The entry point of the command `symgrad`."""
    if sys.stdout is None:  # closed by the caller: what is said goes nowhere
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")  # formulas are no ASCII, whatever the locale
    app()
