"""What is said of a file's claims: a table for a terminal, a record for JSON, a page of HTML."""

import html
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from symgrad.check.documents import Claim, Verification
from symgrad.notation import latex
from symgrad.notation.difference import Span, differing, underline, underlined
from symgrad.show.terminal import fitted

#: Status -> mark and colour in a terminal.
_MARKS = {"proved": ("✓", "32"), "agrees": ("≈", "36"), "wrong": ("✗", "31"),
          "unreadable": ("?", "33")}  # fmt: skip


#: Characters of a claim and its right form that a person reads; --json has longer ones.
MOST_LONG = 1200


def verdict_table(result: Verification, columns: int, colour: bool = False) -> str:
    """A line for each claim; under what is wrong or unreadable, why, and the right form."""
    claims = result.claims
    lines = max((len(str(each.line)) for each in claims), default=1)
    names = max((len(each.verdict.name) for each in claims), default=1)
    out = [f"{result.path}: {result.graph.output} of {', '.join(result.graph.parameters)}", ""]
    indent = " " * (lines + 2)
    for each in claims:
        verdict = each.verdict
        mark, code = _MARKS[verdict.status]
        status = f"{mark} {verdict.status}"
        label = f"  {verdict.mistake}" if verdict.mistake else ""
        shown = f"\033[{code}m{status}\033[0m" if colour else status
        head = f"{each.line:>{lines}}  {verdict.name:<{names}}  {shown}{label}"
        out.append(head.rstrip())
        said = verdict.explanation
        if verdict.right:  # how it was proved is no news; what it rests on, or goes on from, is
            said = said.partition("; ")[2]
        if not said:
            continue
        out += [indent + line for line in _told(said, columns - len(indent))]
        out += [indent + line for line in _forms(each)]
        out.append("")
    while out[-1] == "":
        out.pop()
    return "\n".join([*out, "", *(f"note: {note}" for note in result.notes), tally(result)])


def _told(explanation: str, columns: int) -> list[str]:
    """The lines of an explanation; a place in a text, with its caret, as it is."""
    lines = explanation.splitlines()
    return lines if len(lines) > 1 else fitted(explanation, columns).splitlines()


def _forms(claim: Claim) -> list[str]:
    """The claim and its right form, what differs underlined."""
    verdict = claim.verdict
    if not verdict.corrected:
        return []
    if len(verdict.claimed) + len(verdict.corrected) > MOST_LONG:
        short = len(verdict.corrected) <= MOST_LONG // 2
        shown = verdict.corrected if short else f"a formula of {len(verdict.corrected)} characters"
        return [f"claim: {claim.text}", f"right: {shown}"]
    ours, theirs = differing(verdict.claimed, verdict.corrected)
    lines = [f"claim: {verdict.claimed or claim.text}"]
    if ours:
        lines.append(f"       {underline(ours)}")
    lines.append(f"right: {verdict.corrected}")
    return [*lines, f"       {underline(theirs)}"] if theirs else lines


def tally(result: Verification) -> str:
    """How many claims are proved, agree, are wrong, or unreadable."""
    counts = Counter(each.verdict.status for each in result.claims)
    parts = [f"{counts[status]} {status}" for status in _MARKS if counts[status]]
    return f"{len(result)} claim{'s' if len(result) != 1 else ''}: {', '.join(parts)}"


def verification_record(result: Verification) -> dict[str, Any]:
    """The network, and each claim with its verdict; `witness` has the point of a wrong one."""
    return {
        "file": result.path,
        "graph": result.graph.name,
        "output": result.graph.output,
        "parameters": list(result.graph.parameters),
        "right": bool(result),
        "notes": list(result.notes),
        "claims": [_claim_record(each) for each in result.claims],
    }


def _claim_record(claim: Claim) -> dict[str, Any]:
    verdict, witness = claim.verdict, claim.verdict.witness
    return {
        "line": claim.line,
        "gradient": verdict.name,
        "claim": claim.text,
        "notation": claim.notation,
        "status": verdict.status,
        "mistake": verdict.mistake,
        "candidates": list(verdict.candidates),
        "explanation": verdict.explanation,
        "claimed": verdict.claimed,
        "corrected": verdict.corrected,
        "facts": list(verdict.facts),
        "inherits": list(verdict.inherits),
        "witness": None if witness is None else {
            "sizes": dict(witness.sizes), "entry": list(witness.entry),
            "claimed": witness.left, "true": witness.right,
        },
    }  # fmt: skip


def verification_page(result: Verification) -> str:
    """A page of HTML that stands alone; formulas are typeset where KaTeX can be loaded."""
    from symgrad.codegen.module import environment

    network = [f"{latex(each.leaf)} = {latex(each.expr)}" for each in result.graph.definitions]
    template = environment().get_template("verdicts.html.jinja")
    return str(template.render(result=result, network=network, tally=tally(result), marks=_MARKS,
                               escape=html.escape, typeset=_typeset, forms=_marked))  # fmt: skip


def _marked(claim: Claim) -> tuple[str, str]:
    """The claim and its right form in HTML, what differs marked or, in formulas, underlined."""
    verdict = claim.verdict
    ours, theirs = differing(verdict.claimed, verdict.corrected)
    pairs = ((verdict.claimed, ours), (verdict.corrected, theirs))
    mark = _highlighted if claim.notation == "numpy" else _underlined
    first, second = (mark(text, spans) for text, spans in pairs)
    return first, second


def _underlined(text: str, spans: Sequence[Span]) -> str:
    return html.escape(underlined(text, spans))


def _typeset(text: str) -> str:
    """A formula of a file outside of its table: without the marks of columns."""
    return html.escape(re.sub(r"(?<!\\)&", "", text))


def _highlighted(text: str, spans: Sequence[Span]) -> str:
    out, at = "", 0
    for start, end in spans:
        out += html.escape(text[at:start]) + f"<mark>{html.escape(text[start:end])}</mark>"
        at = end
    return out + html.escape(text[at:])
