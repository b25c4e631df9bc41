"""Normal forms: products are multiplied out, functions written in few, relations used."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Mul, Pow, S, Symbol, exp, log

from symgrad.errors import DeclarationError, SymgradError
from symgrad.simplify.normal.brackets import in_order
from symgrad.simplify.normal.functions import FUNCTIONS, is_positive
from symgrad.simplify.normal.generic import is_generic
from symgrad.simplify.normal.relations import RELATIONS
from symgrad.simplify.normal.sums import (
    Sum,
    axes,
    clean,
    constant,
    form_of,
    has_number,
    indicator_in,
    is_one,
    leading,
    log_inside,
    narrowest,
    parted,
    powers,
    total_of,
)
from symgrad.simplify.reshapes import taken_apart
from symgrad.simplify.rules import TERM_RULES
from symgrad.simplify.terms import Factor, Term, build, components, flatten, power_of
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import ONE, Shape
from symgrad.tensor.nodes import (
    UNIT,
    Constant,
    Einsum,
    Labels,
    Leaf,
    LogSumExp,
    Map,
    Node,
    Softmax,
    Total,
    rebuild,
    topological,
)
from symgrad.tensor.primitives import MatrixFunction, Reshape
from symgrad.tensor.scalar import ARGS, NAMES, root_of

#: More products than this in one sum, or more factors in all products that are met, and the form is
#: given up. They are counted, not timed, so that what is proved depends on nothing else.
MOST_PRODUCTS, MOST_WORK = 3000, 20_000

#: The rules of the table that turn a product into one product; those that write exponentials as
#: softmax or sigmoid would undo what is done here.
_KEPT = frozenset(
    {
        "delta", "one index", "bracket composed", "bracket decided", "inverse cancels", "symmetric",
        "declared symmetric", "sums to one", "declared to sum to one", "power of a product",
        "powers", "indicator squared", "binary squared", "signs", "picked entry",
        "declared to pick", "index in range",
    }
)  # fmt: skip


class TooLarge(SymgradError):
    """The normal form has more products, or takes more work, than is allowed."""


def vanishes(node: Node, *, facts: bool = True) -> bool | None:
    """Whether the normal form of an expression is zero; None where there is none.

    It may be too large, or hold what has no value anywhere, such as the log of x − x. False proves
    nothing. With `facts`, declared domains are used.
    """
    try:
        return not Normal(facts).of(node)
    except (TooLarge, DeclarationError):
        return None


@dataclass(slots=True)
class Normal:
    """Normal forms of expressions that share parts."""

    facts: bool = True
    used_facts: bool = False
    _done: dict[Node, Sum] = field(default_factory=dict)
    _leads: dict[Node, tuple[Term, Sum]] = field(default_factory=dict)
    _work: int = 0

    def of(self, root: Node) -> Sum:
        """The normal form; raises TooLarge where it has too many products."""
        for node in topological(root):
            if node not in self._done:
                self._done[node] = self._form(node)
        return self._done[root]

    def node(self, form: Sum, shape: Shape) -> Node:
        """The one node of a normal form."""
        if not form:
            return op.full(0, shape)
        pairs = sorted(form.items(), key=lambda pair: pair[0].digest)
        if len(pairs) == 1 and pairs[0][1] == 1:
            return pairs[0][0]
        return Total(tuple(c for _, c in pairs), *(node for node, _ in pairs))

    def _form(self, node: Node) -> Sum:
        match node:
            case Leaf():
                return {node: S.One}
            case Constant():
                return constant(node.value, ())
            case Total():
                return total_of((c, self._done[term]) for c, term in node.pairs)
            case Einsum():
                return self._product(node)
            case Map():
                base, exponent = power_of(node)
                if isinstance(base, Einsum) and exponent.is_Integer and exponent.is_negative:
                    return self._quotient_of(base, exponent)
                operands = [self._done[each] for each in node.operands]
                return self._body(node.body, operands, node.shape)
            case Softmax():
                return self._softmax(node)
            case LogSumExp():
                labels = tuple(range(node.operand.ndim))
                kept = tuple(k for k in labels if k not in node.axes)
                e = self.exp(self._done[node.operand], node.operand.shape)
                return self.log(self._einsum((labels,), kept, node.shape, [e]), node.shape)
            case Reshape():
                return self._each(
                    self._done[node.operand], lambda each: op.reshape(each, node.shape)
                )
            case MatrixFunction():
                return self._matrix(node)
        inside = tuple(self.node(self._done[o], o.shape) for o in node.operands)
        return {rebuild(node, inside): S.One}

    def _quotient_of(self, base: Einsum, exponent: Expr) -> Sum:
        """(x y)ᵏ = xᵏ yᵏ for a product as it was written: its factors are not multiplied out."""
        found = constant(flatten(base).coefficient ** exponent, base.shape)
        output = axes(base)
        for part, labels in components(base):
            own = tuple(UNIT if k == UNIT else output[base.output.index(k)] for k in labels)
            power = self.power(self.of(part), exponent, part.shape)
            wide = self._einsum((own,), output, base.shape, [power])
            found = self.times(found, wide, base.shape)
        return found

    # --- products

    def _product(self, node: Einsum) -> Sum:
        return self._einsum(
            node.inputs, node.output, node.shape, [self._done[f] for f in node.factors]
        )

    def _einsum(self, inputs: object, output: object, shape: Shape, forms: list[Sum]) -> Sum:
        """Σ Π of sums, multiplied out."""
        rows: list[tuple[Expr, tuple[Node, ...]]] = [(S.One, ())]
        for form in forms:
            rows = [(c * own, (*atoms, atom)) for c, atoms in rows for atom, own in form.items()]
            self._bound(len(rows), len(rows))
        found: Sum = {}
        for c, atoms in rows:
            term = flatten(Einsum(inputs, output, shape, *atoms))
            self._add(found, replace(term, coefficient=term.coefficient * c))
        return clean(found)

    def times(self, a: Sum, b: Sum, shape: Shape) -> Sum:
        labels = tuple(UNIT if d is ONE else k for k, d in enumerate(shape))
        return self._einsum((labels, labels), labels, shape, [a, b])

    def _each(self, form: Sum, change: Callable[[Node], Node]) -> Sum:
        """A linear change of each product."""
        found: Sum = {}
        for node, c in form.items():
            term = flatten(change(node))
            self._add(found, replace(term, coefficient=term.coefficient * c))
        return clean(found)

    def _bound(self, count: int, work: int) -> None:
        self._work += work
        if count > MOST_PRODUCTS or self._work > MOST_WORK:
            raise TooLarge("the normal form is too large")

    def _add(self, found: Sum, first: Term) -> None:
        """Add a product to a sum, after all relations."""
        waiting, steps = [first], 0
        while waiting:
            steps += 1
            term = waiting.pop()
            self._bound(steps, len(term.factors))
            term = self._reduced(term)
            if term.coefficient == 0:
                continue
            apart = taken_apart(term)
            if apart is not None:
                for node, c in self._reshaped(apart).items():
                    found[node] = found.get(node, S.Zero) + c
                continue
            further = self._related(term)
            if further is not None:
                waiting += further
                continue
            node = build(in_order(replace(term, coefficient=S.One)))
            found[node] = found.get(node, S.Zero) + term.coefficient

    def _reshaped(self, node: Node) -> Sum:
        """The form of a product with fewer reshapes, one of them perhaps around it all."""
        if not isinstance(node, Reshape):
            return self.of(node)
        form = self.of(node.operand)
        pairs = [(c, form_of(op.reshape(each, node.shape), node.shape)) for each, c in form.items()]
        return total_of(pairs)

    def _reduced(self, term: Term) -> Term:
        changed = True
        while changed and term.coefficient != 0:
            changed = False
            for rule in TERM_RULES:
                if rule.name not in _KEPT or (rule.fact and not self.facts):
                    continue
                result: Term | None = rule.apply(term)  # type: ignore[arg-type, assignment]
                if result is not None:
                    self.used_facts |= rule.fact
                    term = flatten(build(result)) if has_number(result) else result
                    changed = True
        return term

    # --- relations: what a product of an atom with others is

    def _related(self, term: Term) -> list[Term] | None:
        for n, (atom, labels) in enumerate(term.factors):
            for relation in RELATIONS:
                found = relation(self, term, n, atom, labels)
                if found is not None:
                    return found
        return None

    def lead(self, base: Total | Einsum) -> tuple[Term, Sum]:
        """The leading product of a sum, with its coefficient, and the rest of the sum."""
        known = self._leads.get(base)
        if known is None:
            form: Sum = {base: S.One}
            if isinstance(base, Total):
                form = dict(zip(base.terms, base.coefficients, strict=True))
            lead = leading(form)
            c = form.pop(lead)
            known = self._leads[base] = (replace(flatten(lead), coefficient=c), form)
        return known

    # --- functions of one entry

    def _body(self, body: Expr, operands: list[Sum], shape: Shape) -> Sum:
        """A scalar body over operands in normal form."""
        if isinstance(body, Symbol) and body in ARGS:
            return operands[ARGS.index(body)]
        if not body.free_symbols & set(ARGS):
            return constant(body, shape)
        if root_of(body) is not None:  # off 0 it is a power
            base, exponent = root_of(body)  # type: ignore[misc]
            return self.power(self._body(base, operands, shape), exponent, shape)
        parts = [self._body(arg, operands, shape) for arg in body.args if isinstance(arg, Expr)]
        match body:
            case Add():
                return total_of((S.One, part) for part in parts)
            case Mul():
                result = parts[0]
                for part in parts[1:]:
                    result = self.times(result, part, shape)
                return result
            case Pow(exp=exponent) if not exponent.free_symbols & set(ARGS):
                return self.power(parts[0], exponent, shape)
        rule = FUNCTIONS.get(NAMES.get(body.func, ""))
        if rule is not None:
            return rule(self, parts, shape)
        head = tuple(a for a in body.args if not isinstance(a, Expr))
        return self.function(body.func(*head, *ARGS[: len(parts)]), parts, shape)

    def function(self, body: Expr, parts: list[Sum], shape: Shape) -> Sum:
        """An atom: a function of one entry that has no relation to others, spreads drawn out."""
        nodes = [self.node(part, shape) for part in parts]
        narrow = narrowest(nodes, shape)
        if narrow is None:
            return clean(total_of([(S.One, form_of(op.apply(body, *nodes), shape))]))
        axes, inner = narrow
        atom = op.apply(body, *inner)
        labels = tuple(UNIT if d is ONE else k for k, d in enumerate(shape))
        found: Sum = {}
        self._add(found, flatten(Einsum((tuple(labels[a] for a in axes),), labels, shape, atom)))
        return clean(found)

    def power(self, form: Sum, exponent: Expr, shape: Shape) -> Sum:
        if exponent.is_Integer and 0 <= exponent <= 8:
            result = constant(S.One, shape)
            for _ in range(int(exponent)):
                result = self.times(result, form, shape)
            return result
        if not form:
            return self.function(ARGS[0] ** exponent, [form], shape)
        if exponent.is_Integer and exponent < 0:
            number, outside, inside = self._content(form, shape)
            found = {op.full(1, shape): number**exponent}
            for atom, labels in outside:
                found = self.times(found, self._raised(atom, labels, exponent, shape), shape)
            if inside is not None:
                power = self.function(ARGS[0] ** exponent, [inside], shape)
                found = self.times(found, power, shape)
            return found
        if len(form) == 1:  # of positive factors each by itself
            ((node, number),) = form.items()
            if number.is_positive and not is_one(node):
                term = flatten(node)
                if (
                    len(term.factors) == 1
                    and not term.summed
                    and isinstance(term.factors[0][0], Map)
                ):
                    base, own = power_of(term.factors[0][0])
                    if isinstance(base, Map) and base.body == exp(ARGS[0]):
                        atom = op.power(base, own * exponent)
                        labels = term.factors[0][1]
                        scaled = {Einsum((labels,), term.output, shape, atom): number**exponent}
                        return self._each(scaled, lambda each: each)
        number, _, _ = self._content(form, shape)
        if number.is_positive and number != 1:
            smaller = {node: c / number for node, c in form.items()}
            return total_of(
                [(number**exponent, self.function(ARGS[0] ** exponent, [smaller], shape))]
            )
        return self.function(ARGS[0] ** exponent, [form], shape)

    def _raised(self, atom: Node, labels: Labels, exponent: Expr, shape: Shape) -> Sum:
        base, own = power_of(atom)
        raised = op.power(base, own * exponent)
        output = tuple(UNIT if d is ONE else k for k, d in enumerate(shape))
        return self._each({Einsum((labels,), output, shape, raised): S.One}, lambda each: each)

    def _content(self, form: Sum, shape: Shape) -> tuple[Expr, list[Factor], Sum | None]:
        """A sum as number · Π factors · rest, the rest of leading coefficient 1, None if it is 1.

        The factors are those that all terms share; negative powers of positive ones are drawn out.
        """
        nodes = list(form)
        if len(nodes) == 1 and not is_one(nodes[0]):
            whole = nodes[0]
            if not isinstance(whole, Einsum):
                return form[whole], [(whole, axes(whole))], None
            # a unit axis has no label, so that axes and labels are numbered in two ways
            place = dict(zip(whole.output, axes(whole), strict=True)) | {UNIT: UNIT}
            parts = [(atom, tuple(place[k] for k in own)) for atom, own in components(whole)]
            return form[whole], parts, None
        if len(nodes) == 1:
            return form[nodes[0]], [], None
        exponents = [powers(flatten(node)) for node in nodes]
        shared: dict[Factor, Expr] = {}
        for key in dict.fromkeys(k for each in exponents for k in each):
            least = min((each.get(key, S.Zero) for each in exponents), key=lambda e: e)
            if least != 0 and (all(key in each for each in exponents) or least < 0):
                shared[key] = least
        outside = [(op.power(base, e), labels) for (base, labels), e in shared.items()]
        inside = form
        if outside:
            output = tuple(UNIT if d is ONE else k for k, d in enumerate(shape))
            inverse: Sum = {op.full(1, shape): S.One}
            for (base, labels), e in shared.items():
                one = {Einsum((labels,), output, shape, op.power(base, -e)): S.One}
                inverse = self.times(inverse, self._each(one, lambda each: each), shape)
            inside = self.times(form, inverse, shape)
        lead = leading(inside)
        number = inside[lead]
        return number, outside, {node: c / number for node, c in inside.items()}

    def exp(self, form: Sum, shape: Shape) -> Sum:
        """exp of a sum: a product of powers of exponentials of each of its terms."""
        result = constant(S.One, shape)
        for node, c in form.items():
            if is_one(node):
                result = total_of([(exp(c), result)])
                continue
            log_of = log_inside(node)
            if log_of is not None:  # exp(c log x) = xᶜ
                result = self.times(result, self.power(self.of(log_of), c, shape), shape)
                continue
            whole, rest = (c, S.One) if c.is_Rational else c.as_coeff_Mul()
            inner = {node: rest}
            base = self.function(exp(ARGS[0]), [inner], shape)
            result = self.times(result, self.power(base, whole, shape), shape)
        return result

    def log(self, form: Sum, shape: Shape) -> Sum:
        """log of number · Π eˣ · rest: exponentials come out."""
        if not form:
            return self.function(log(ARGS[0]), [form], shape)
        result, form = self._cleared(form, shape)
        number, outside, inside = self._content(form, shape)
        if not number.is_positive:
            return total_of([(S.One, result), (S.One, self.function(log(ARGS[0]), [form], shape))])
        if number != 1:
            result = total_of([(S.One, result), (S.One, constant(log(number), shape))])
        left: Sum = constant(S.One, shape)
        alone = len(outside) == 1 and inside is None
        for atom, labels in outside:
            base, exponent = power_of(atom)
            if isinstance(base, Map) and base.body == exp(ARGS[0]):
                inner: Sum = {base.operands[0]: S.One}
            elif exponent != 1 and (is_positive(base) or (alone and not _is_even(exponent))):
                # log xᵏ = k log x; of an even k only where x is positive
                inner = self.log(self.of(base), base.shape)
            else:
                left = self.times(left, self._wide({atom: S.One}, labels, shape), shape)
                continue
            result = total_of([(S.One, result), (exponent, self._wide(inner, labels, shape))])
        if inside is not None:
            left = self.times(left, inside, shape)
        if not all(is_one(node) and c == 1 for node, c in left.items()):
            result = total_of(
                [(S.One, result), (S.One, self.function(log(ARGS[0]), [left], shape))]
            )
        return result

    def _wide(self, form: Sum, labels: Labels, shape: Shape) -> Sum:
        """A form spread along the axes of a shape that it lacks."""
        output = tuple(UNIT if d is ONE else k for k, d in enumerate(shape))
        return self._einsum((labels,), output, shape, [form])

    def _cleared(self, form: Sum, shape: Shape) -> tuple[Sum, Sum]:
        """A sum over positive denominators: minus their logarithms, and what stands above them."""
        result: Sum = {}
        for _ in range(4):
            below = (
                (power_of(atom), labels)
                for node in form
                for term in (flatten(node),)
                for atom, labels in term.factors
                if all(k == UNIT or k in term.output for k in labels)
            )
            found = next(
                (each for each in below if each[0][1].is_negative and is_positive(each[0][0])),
                None,
            )
            if found is None or len(form) < 2:
                break
            (base, exponent), labels = found
            raised = self._wide(self.power(self.of(base), -exponent, base.shape), labels, shape)
            form = self.times(form, raised, shape)
            wide = self._wide(self.log(self.of(base), base.shape), labels, shape)
            result = total_of([(S.One, result), (exponent, wide)])
        return result, form

    def _softmax(self, node: Softmax) -> Sum:
        labels = tuple(range(node.ndim))
        kept = tuple(k for k in labels if k not in node.axes)
        shape = tuple(node.shape[k] for k in kept)
        e = self.exp(self._done[node.operand], node.shape)
        total = self._einsum((labels,), kept, shape, [e])
        share = self.power(total, S.NegativeOne, shape)
        return self._einsum((labels, kept), labels, node.shape, [e, share])

    def positive(self, form: Sum, shape: Shape) -> Sum:
        """[x > 0], of x with a leading coefficient of 1: [−x > 0] = 1 − [x > 0] − [x = 0]."""
        cases = self._cases(self.positive, form, shape)
        if cases is not None:
            return cases
        test = self.half(form, shape)
        number = form[leading(form)] if form else S.One
        if not number.is_negative or all(map(is_one, form)):
            return test
        return total_of([(S.One, test), (S.NegativeOne, self.zero(form, shape))])

    def half(self, form: Sum, shape: Shape) -> Sum:
        """[x > 0], or [x ≥ 0]: enough for x [x > 0]."""
        if not form:
            return {}
        cases = self._cases(self.half, form, shape)
        if cases is not None:
            return cases
        number = form[leading(form)]
        if all(map(is_one, form)) and (number.is_positive or number.is_nonpositive):
            return constant(S.One if number.is_positive else S.Zero, shape)
        if not (number.is_positive or number.is_negative):
            return self.function(scalar.gt(ARGS[0], 0), [form], shape)
        inside = {node: c / number for node, c in form.items()}
        test = self.function(scalar.gt(ARGS[0], 0), [inside], shape)
        if number.is_positive:
            return test
        return total_of([(S.One, constant(S.One, shape)), (S.NegativeOne, test)])

    def zero(self, form: Sum, shape: Shape) -> Sum:
        """[x = 0], of x with a leading coefficient of 1; none where x is 0 on a null set alone."""
        if not form:
            return constant(S.One, shape)
        cases = self._cases(self.zero, form, shape)
        if cases is not None:
            return cases
        number = form[leading(form)]
        if is_generic(form) or (all(map(is_one, form)) and number.is_nonzero):
            return {}
        inside = {node: c / number for node, c in form.items()} if number.is_nonzero else form
        return self.function(scalar.eq(ARGS[0], 0), [inside], shape)

    def _cases(self, test: Callable[[Sum, Shape], Sum], form: Sum, shape: Shape) -> Sum | None:
        """A test t(P + I Q) as (1 − I) t(P) + I t(P + Q), of an indicator I; None if there is none.

        So leaky relu(z) > 0 is z > 0, for it is z/10 + 9/10 z [z > 0].
        """
        chosen = indicator_in(form)
        if chosen is None:
            return None
        without, within = parted(form, chosen)
        atom, labels = chosen
        mark = self._wide({atom: S.One}, labels, shape)
        no, yes = test(without, shape), test(total_of([(S.One, without), (S.One, within)]), shape)
        gap = total_of([(S.One, yes), (S.NegativeOne, no)])
        return total_of([(S.One, no), (S.One, self.times(mark, gap, shape))])

    # --- matrices

    def _matrix(self, node: MatrixFunction) -> Sum:
        form = self._done[node.operand]
        operand = self.node(form, node.operand.shape)
        number: Expr = S.One
        if node.name in ("inv", "pinv") and len(form) == 1:
            ((operand, c),) = form.items()
            number = 1 / c
        elif node.name == "inv" and form:
            lead = leading(form)
            number = 1 / form[lead]
            scaled = {each: c * number for each, c in form.items()}
            operand = self.node(scaled, node.operand.shape)
        if node.name == "inv" and op.is_identity(operand):
            return {operand: number}
        turned = self.transposed(operand)
        if node.name in _TURNED and turned.digest < operand.digest:
            function: Node = MatrixFunction(node.name, turned)
            if _TURNED[node.name]:
                function = op.matrix_transpose(function)
            return {build(flatten(function)): number}
        return {MatrixFunction(node.name, operand): number}

    def transposed(self, node: Node) -> Node:
        pairs = node.pairs if isinstance(node, Total) else ((S.One, node),)
        turned = [(c, op.matrix_transpose(each)) for c, each in pairs]
        shape = turned[0][1].shape
        return self.node(total_of((c, form_of(each, shape)) for c, each in turned), shape)


def _is_even(exponent: Expr) -> bool:
    return bool(exponent.is_Integer and exponent % 2 == 0)


#: Functions of Xᵀ that are those of X: transposed, or as they are.
_TURNED = {"inv": True, "expm": True, "det": False, "logdet": False}
