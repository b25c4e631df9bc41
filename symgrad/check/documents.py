"""Derivations in files: the network, and what they claim of its gradients, line by line."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import overload

from symgrad.check.claims.forward import define_network
from symgrad.check.claims.program import Program
from symgrad.check.claims.read import Text
from symgrad.check.claims.rerun import Ran, require_same
from symgrad.check.verify import Verdict, judged
from symgrad.declare.arguments import declared, require_known
from symgrad.declare.files import Sections, identifier_of, load
from symgrad.declare.graph import Graph
from symgrad.declare.latex import Scope as LatexScope
from symgrad.declare.latex import parse_latex
from symgrad.declare.latex.derivations import Statement, statements_of, targets_of
from symgrad.declare.passages import SUFFIXES, Document, Span, document
from symgrad.errors import DeclarationError, ParseError, SymgradError, UnknownName
from symgrad.tensor.operators import as_node

#: Characters of a file; more than anybody writes by hand.
MOST_LONG = 500_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of a file: the line it ends on, what stands there, its notation, and the verdict."""

    line: int
    text: str
    notation: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Verification(Sequence[Claim]):
    """The claims of a file in the order of its lines; true if all of them are right.

    `notes` say what the reading rests on.
    """

    path: str
    graph: Graph
    claims: tuple[Claim, ...]
    notes: tuple[str, ...] = ()

    @overload
    def __getitem__(self, key: int) -> Claim: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Claim, ...]: ...
    def __getitem__(self, key: int | slice) -> Claim | tuple[Claim, ...]:
        return self.claims[key]

    def __len__(self) -> int:
        return len(self.claims)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.claims)

    def __bool__(self) -> bool:
        return all(each.verdict.right for each in self.claims)

    def __str__(self) -> str:
        return "\n".join(f"{self.path}:{each.line}: {each.verdict}" for each in self.claims)

    __repr__ = __str__


def verify_file(
    path: str | os.PathLike[str], *, network: str | os.PathLike[str] | Graph | None = None
) -> Verification:
    """Whether the gradients in a file are right.

    Parameters
    ----------
    path :     Markdown, LaTeX, Python or a text of equations, with declarations, forward equations
               and gradients (docs/verify.md). Python is read, and never run.
    network :  the network that the gradients are of, or its file, in place of what the file says.

    Raises
    ------
    ParseError, UnknownName, ShapeError    as the readers of equations do, with file and line.
    DeclarationError    if the file is of another kind, or holds no network or no gradient.
    OSError             if the file cannot be read.
    """
    file = Path(path)
    if file.suffix not in SUFFIXES:
        raise DeclarationError(f"{file} is no derivation that can be read",
                               hint=f"it is a file of {', '.join(SUFFIXES)}")  # fmt: skip
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"{file} is not a text in UTF-8: {error.reason}") from None
    given = load(network) if isinstance(network, str | os.PathLike) else network
    return verify_text(text, file, given)


def verify_text(text: str, file: Path, given: Graph | None = None) -> Verification:
    """What `verify_file` says of a text, of the kind and name of a file; nothing is opened."""
    if len(text) > MOST_LONG:
        raise ParseError(f"{file} has {len(text)} characters", hint=f"at most {MOST_LONG}")
    derivation = _Derivation(document(text, file.suffix))
    try:
        derivation.read(identifier_of(file), given)
        return derivation.judged(str(file))
    except SymgradError as error:
        placed = derivation.sections.placed(error)
        where = f"{file}, {placed.where}" if placed.where else str(file)
        raise replace(placed, where=where) from None
    except RecursionError:
        raise ParseError("what stands here is nested too deeply", str(file), "name parts of it"
                         ) from None  # fmt: skip


@dataclass(slots=True)
class _Derivation:
    """What a document declares, defines and claims.

    `names` are all spellings, those of gradients too; `code` is read where it stands, at its own
    lines, and so are the equations.
    """

    text: Document
    sections: Sections = field(init=False)
    names: dict[str, str] = field(default_factory=dict)
    equations: list[Statement] = field(default_factory=list)
    code: Text | None = None
    graph: Graph = field(default_factory=lambda: Graph("net"))
    notes: list[str] = field(default_factory=list)
    defined_by_code: bool = False

    def __post_init__(self) -> None:
        self.sections = Sections(self.text.declarations)

    def read(self, name: str, network: Graph | None) -> None:
        """Find the network and the claims."""
        self.sections.read()
        known = {*self.sections.shapes}
        self.names = dict(self.sections.spellings)
        self.sections.spellings = {
            spelled: text for spelled, text in self.names.items()
            if spelled[:1] != "d" or spelled in known or spelled[1:] not in {*known, *self.names}
        }  # fmt: skip
        if self.text.latex:
            self.equations = list(statements_of(self._latex(self.text.latex), self._planned()))
            passed = [self.text.line(each.start) for each in self.equations if not each.kind]
            what = "it defines no value and states no gradient"
            self.notes += [f"line {line} is passed over: {what}" for line in passed]
        if self.text.code:
            self.code = Text.of(self.text.alone(self.text.code), MOST_LONG)
            self.code.program = Program.of(self.code.statements, known)
        self.graph = network or self._network(self.sections.words.get("name", name))
        if network is not None and (self._forward() or self.sections.equations):
            self.notes.append(
                f"the network is {network.name}; equations that define are not judged"
            )

    def _latex(self, spans: Sequence[Span]) -> str:
        return self.text.alone(spans, ";")

    def _planned(self) -> LatexScope:
        """The names that are declared, before any value is defined."""
        scope = LatexScope()
        for name in dict.fromkeys((*self.sections.shapes, *self.sections.spellings)):
            scope.add(name, as_node(0), self.sections.spellings.get(name, ""))
            scope.gradients[name] = scope.nodes[name]
        return scope

    def _forward(self) -> list[Span]:
        """Where the equations in LaTeX are that define values."""
        return [(each.start, each.end) for each in self.equations if each.kind == "value"]

    def _network(self, name: str) -> Graph:
        """The network that the file says: in declarations, else in formulas, else in code."""
        sections, forward = self.sections, self._forward()
        if sections.equations:
            if forward:
                self.notes.append("the network is that of the declarations, not of the formulas")
            return sections.graph(name)
        if forward:
            return parse_latex(
                self._latex(forward), sections.shapes, sections.domains, sections.parameters,
                sections.words.get("output"), name, sections.spellings,
            )  # fmt: skip
        if self.code is not None and self.code.program is not None:
            self.defined_by_code = True
            graph, ran = self._of_code(self.code, self.code.program, name)
            if graph.definitions:
                require_same(self.code, ran, graph.freeze())
                return graph
        raise DeclarationError(
            "there are no equations that define a network",
            hint="write them above the gradients, or say which file has them; functions are told "
            "by their names: forward, cost or loss, backward or gradient",
        )

    def _of_code(self, text: Text, program: Program, name: str) -> tuple[Graph, list[Ran]]:
        """The network that code computes, and its statements."""
        sections, domains = self.sections, dict(self.sections.domains)
        leaves = declared(sections.shapes, sections.parameters, domains, sections.spellings)
        graph = Graph(name, symbols=leaves, output=sections.words.get("output", ""))
        ran = define_network(text, program, graph, domains, sections.spellings)
        require_known(domains, "domain", [leaf.name for leaf in graph.symbols])
        return graph, ran

    # --- verdicts

    def judged(self, path: str) -> Verification:
        """The verdicts on all claims."""
        claims = [*self._in_formulas(), *self._in_code(), *self._in_sections()]
        if not claims:
            raise DeclarationError(
                "the file states no gradient",
                hint="write dW1 = ..., or \\frac{\\partial J}{\\partial W_1} = ...",
            )
        claims.sort(key=lambda claim: claim.line)
        return Verification(path, self.graph, tuple(claims), tuple(self.notes))

    def _in_formulas(self) -> Iterator[Claim]:
        text, pairs, places = self.text.text, list[tuple[str, object]](), list[Span]()
        names = {key: value for key, value in self.names.items() if key[:1] != "d"
                 or key in self.sections.spellings}  # fmt: skip
        scope = LatexScope.of(self.graph, names)
        for each in self.equations:
            claim = text[each.start : each.end]
            if each.kind != "gradient":
                continue
            try:
                names_of = targets_of(text, each, scope)
            except UnknownName as error:
                line = self.text.line(each.start)
                yield Claim(line, claim, "latex", Verdict("?", "unreadable", str(error), line=line))
                continue
            for name in names_of:
                pairs.append((f"d{name}", claim))
                places.append((each.start, each.end))
        if pairs:
            verdicts = judged(self.graph, pairs, "latex", self.names, self.sections.scaled)
            for (_, claimed), (start, _), verdict in zip(pairs, places, verdicts, strict=True):
                line = self.text.line(start)
                yield Claim(line, str(claimed), "latex", replace(verdict, line=line))

    def _in_code(self) -> Iterator[Claim]:
        if self.code is None or self.code.program is None:
            return
        if self.defined_by_code and not self.code.program.backward:
            return  # all of it defines values
        known = [leaf.name for leaf in self.graph.symbols]
        known += [each.leaf.name for each in self.graph.definitions]
        if self.code.program.states_gradients(known):
            yield from self._of_statements(self.code)

    def _in_sections(self) -> Iterator[Claim]:
        if any(self.sections.gradients):
            yield from self._of_statements(Text.of("\n".join(self.sections.gradients), MOST_LONG))

    def _of_statements(self, text: Text) -> Iterator[Claim]:
        lines = self.text.text.splitlines()
        for verdict in judged(self.graph, text, "numpy", None, self.sections.scaled):
            yield Claim(verdict.line, lines[verdict.line - 1].strip(), "numpy", verdict)
        for tree in text.program.unnamed if text.program is not None else ():
            verdict = Verdict("?", "unreadable", _UNNAMED, line=tree.lineno)
            yield Claim(tree.lineno, lines[tree.lineno - 1].strip(), "numpy", verdict)
        for line, name in text.program.unread if text.program is not None else ():
            self.notes.append(f"line {line}: {name} is not judged; no value {name[1:]} is known")


_UNNAMED = "which gradient this is has to be said: give it a name, as in dW = ..., and return that"
