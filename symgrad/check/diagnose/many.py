"""Terms with sums and products of any number of operands, which edits are made on.

| operation | meaning |
| --- | --- |
| plus(a, b, …) | a + b + …; a difference is plus(a, neg(b)) |
| times(a, b, …) | a ⊙ b ⊙ …; a quotient is times(a, over(b)) |
| chain(A, B, …) | A @ B @ …, from the left |
"""

from sympy import Expr, S

from symgrad.check.claims.terms import Term, number, subterms


def spread(term: Term, scalars: frozenset[str] = frozenset()) -> Term:
    """The term with nested sums and products made one; `scalars` are names that are numbers."""
    done: dict[Term, Term] = {}
    for each in subterms(term):
        inner = each.replaced({old: done[old] for old in each.terms})
        done[each] = _spread(inner, scalars)
    return done[term]


def _is_scalar(term: Term, scalars: frozenset[str]) -> bool:
    if term.op in ("number", "name"):
        return term.op == "number" or term.args[0] in scalars
    return term.op in ("times", "over", "neg", "plus", "sqrt") and all(
        _is_scalar(each, scalars) for each in term.terms
    )


def _spread(term: Term, scalars: frozenset[str]) -> Term:
    if term.op in ("matmul", "dot") and len(term.args) == 2:
        return _matrix_product(*term.args, scalars)
    match term.op, term.args:
        case "add", (a, b):
            return plus(a, b)
        case "sub", (a, b):
            return plus(a, negative(b))
        case "neg", (a,):
            return negative(a)
        case "mul", (a, b):
            return times(a, b)
        case "div", (a, b):
            return times(a, over(b))
        case "square", (a,):
            return times(a, a)
        case "reciprocal", (a,):
            return over(a)
        case "T", (a,):
            return _transpose(a, scalars)
        case "chain", items:
            split = [_split(each, scalars) for each in items]
            return times(*(n for numbers, _ in split for n in numbers),
                         chain(*(rest for _, rest in split)))  # fmt: skip
    return term


def _split(term: Term, scalars: frozenset[str]) -> tuple[list[Term], Term]:
    """The numbers in front of a factor of a matrix product, and the rest of it."""
    own = factors(term)
    numbers = [f for f in own if _is_scalar(f, scalars)]
    kept = [f for f in own if f not in numbers]
    if not numbers or not kept:
        return [], term
    inner = times(*kept)
    return numbers, negative(inner) if term.op == "neg" else inner


def _transpose(term: Term, scalars: frozenset[str]) -> Term:
    """The transpose, numbers in front of it."""
    numbers, rest = _split(term, scalars)
    return times(*numbers, transposed(rest)) if numbers else transposed(term)


def _matrix_product(a: Term, b: Term, scalars: frozenset[str]) -> Term:
    """The product, numbers in front of it."""
    if _is_scalar(a, scalars) or _is_scalar(b, scalars):
        return times(a, b)
    (left, one), (right, two) = _split(a, scalars), _split(b, scalars)
    return times(*left, *right, chain(one, two))


def plus(*terms: Term) -> Term:
    """The sum."""
    items = [item for each in terms for item in (each.args if each.op == "plus" else (each,))]
    return items[0] if len(items) == 1 else Term("plus", *items)


def negative(term: Term) -> Term:
    """The term with its sign changed."""
    if term.op == "neg":
        inner: Term = term.args[0]
        return inner
    if term.op == "plus":
        return plus(*(negative(each) for each in term.args))
    return Term("neg", term)


def times(*factors: Term) -> Term:
    """The product entry by entry; signs go in front."""
    items: list[Term] = []
    minus = False
    for each in factors:
        if each.op == "neg":
            minus, each = not minus, each.args[0]
        items += each.args if each.op == "times" else (each,)
    result = items[0] if len(items) == 1 else Term("times", *items)
    return Term("neg", result) if minus else result


def over(term: Term) -> Term:
    """The reciprocal."""
    if term.op == "over":
        inner: Term = term.args[0]
        return inner
    if term.op == "times":
        return times(*(over(each) for each in term.args))
    if term.op == "neg":
        return Term("neg", over(term.args[0]))
    return Term("over", term)


def chain(*factors: Term) -> Term:
    """The product of matrices; a sign of a factor goes in front."""
    items: list[Term] = []
    minus = False
    for k, each in enumerate(factors):
        if each.op == "neg":
            minus, each = not minus, each.args[0]
        items += each.args if each.op == "chain" and k == 0 else (each,)
    result = items[0] if len(items) == 1 else Term("chain", *items)
    return Term("neg", result) if minus else result


def transposed(term: Term) -> Term:
    """Its transpose; that of a transpose is the term itself."""
    if term.op == "T":
        inner: Term = term.args[0]
        return inner
    return Term("T", term)


def summands(term: Term) -> list[Term]:
    """The terms of a sum, signs with them."""
    return list(term.args) if term.op == "plus" else [term]


def factors(term: Term) -> list[Term]:
    """The factors of a product entry by entry."""
    inner = term.args[0] if term.op == "neg" else term
    return list(inner.args) if inner.op == "times" else [inner]


def tidied(term: Term) -> Term:
    """The term as a person would write it: numbers multiplied, what cancels left out."""
    done: dict[Term, Term] = {}
    for each in subterms(term):
        inner = each.replaced({old: done[old] for old in each.terms})
        match inner.op:
            case "times":
                inner = _tidy_product(times(*inner.args))
            case "plus":
                inner = plus(*inner.args)
            case "neg":
                inner = negative(inner.args[0])
            case "T":
                inner = transposed(inner.args[0])
        done[each] = inner
    return done[term]


def _tidy_product(term: Term) -> Term:
    if term.op == "neg":
        return negative(_tidy_product(term.args[0]))
    if term.op != "times":
        return term
    coefficient: Expr = S.One
    items: list[Term] = []
    for each in term.args:
        bare = each.args[0] if each.op == "over" else each
        value = bare.args[0] if bare.op == "number" else None
        opposite = over(each)
        if value is not None:
            coefficient = coefficient / value if each.op == "over" else coefficient * value
        elif opposite in items:
            items.remove(opposite)
        else:
            items.append(each)
    minus = coefficient.could_extract_minus_sign()
    above, below = (-coefficient if minus else coefficient).as_numer_denom()
    head = [number(above)] if above != 1 or not items else []
    tail = [over(number(below))] if below != 1 else []
    result = times(*head, *items, *tail)
    return negative(result) if minus else result
