"""The page of the rewrite rules, docs/rules.md, from the table."""

from symgrad.simplify.rules import NODE_RULES, TERM_RULES, Rule

_HEAD = """# Rewrite rules

What simplification knows, beside collecting, narrowing and factoring sums ([how it is
built](architecture.md)). Each row is an identity for all values and all sizes, 1 included, off null
sets such as the kink of a ReLU; one marked as a fact holds for what was declared
(`domain="onehot"`), and never enters what is differentiated again. A rule that a reader would
wonder about is told beside the step that uses it, in the words of the last column. Every rule
lowers the number of factors, labels or operations, so that rewriting ends.

`tests/test_simplify.py` has expressions for each, which it must shorten, and `tests/test_rules.py`
compares what the rule alone was given with what it made of that: in fractions where it is rational,
to 50 digits elsewhere, at sizes that are pairwise different, 1 among them, and at the edges of the
domains.
"""

_TABLES = {"Products of indexed entries": TERM_RULES, "Functions": NODE_RULES}


def page() -> str:
    """The page: a table of the rules for products, and one of those for functions."""
    return "\n".join([_HEAD, *(_table(title, rules) for title, rules in _TABLES.items())])


def _table(title: str, rules: tuple[Rule, ...]) -> str:
    rows = "\n".join(map(_row, rules))
    head = "| rule | identity | rests on | source | told as |\n| --- | --- | --- | --- | --- |"
    return f"## {title}\n\n{head}\n{rows}\n"


def _row(rule: Rule) -> str:
    told = "" if rule.quiet else rule.why.format("Y")
    cells = (rule.name, rule.formula, "a declared fact" if rule.fact else "", rule.source, told)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
