"""Index notation to matrix notation: an Einsum is a contraction graph, reduced label by label.

Labels are the vertices; a factor with one label is a weight on its vertex, one with two labels is
an edge. Factors with the same labels multiply entry by entry (⊙). A summed label is eliminated:

- with one edge M and weight w: the weight M w, or the row sums M 𝟏, on the other vertex;
- with two edges A, B and weight w: the edge A diag(w) B;
- with none: a sum, a scalar product or a square norm;
- an edge whose two ends are summed and bare: the sum of its entries, ⟨A, B⟩, ‖A‖² or a trace.

What is left stands on the labels of the output: a matrix, diag(u) M diag(v), an outer product, or
a broadcast. Factors with three or more labels, and summed labels that three edges share, have no
matrix form: they stay in index notation, with all else reduced first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Integer, S, floor

from symgrad.notation.build import (
    chain,
    dot,
    inner,
    linear,
    linear_square,
    number,
    outer,
    product,
    split,
    spread,
    squeeze,
    sum_over,
    transpose,
)
from symgrad.notation.formula import (
    At,
    Bracket,
    Cut,
    Diag,
    Diagonal,
    Formula,
    Identity,
    Indexed,
    Joined,
    Name,
    OneHot,
    Placed,
    Spread,
    Trace,
    Transpose,
)
from symgrad.tensor.dims import ONE, Dim, Shape, as_dim, same
from symgrad.tensor.nodes import INDEX, UNIT, Einsum, Labels

#: A factor and its labels.
Factor = tuple[Formula, Labels]


def contraction(node: Einsum, formulas: Sequence[Formula]) -> Formula:
    """The formula of an Einsum, given those of its factors."""
    sizes = dict(node.sizes)
    factors, output = _unit_axes(node, formulas, sizes)
    present = {k for _, labels in factors for k in labels}
    factors, scalars = _diagonals(factors)
    factors, entries = _diagonals(_slices(factors, output))
    core = tuple(k for k in output if k in present)
    result = _solve(factors, core, sizes)
    result = product(result.shape, S.One, [*scalars, *entries, result])
    axes = [axis for axis, k in enumerate(output) if k in present]
    return spread(result, node.shape, axes)


def _unit_axes(
    node: Einsum, formulas: Sequence[Formula], sizes: dict[int, Dim]
) -> tuple[list[Factor], Labels]:
    """Axes of size 1 get labels where a product can run over them; others are squeezed away."""
    fresh = iter(range(-2, -2 - 64, -1))
    output = tuple(next(fresh) if k == UNIT else k for k in node.output)
    units = [k for k in output if k < 0]
    drafts: list[list[int]] = []
    for labels in node.inputs:
        draft = list(labels)
        free = list(units)
        aligned = [a for a, k in enumerate(labels) if k == UNIT and len(labels) == len(output)]
        for axis in aligned:
            if output[axis] in free:
                draft[axis] = output[axis]
                free.remove(output[axis])
        for axis, k in enumerate(draft):
            if k == UNIT and free:
                draft[axis] = free.pop(0)
        drafts.append(draft)
    open_ends = [n for n, draft in enumerate(drafts) if UNIT in draft]
    if len(open_ends) == 2 and all(drafts[n].count(UNIT) == 1 for n in open_ends):
        a, b = (drafts[n] for n in open_ends)
        if set(a) != set(b) or not set(a) - {UNIT} & set(output):
            label = next(fresh)
            for draft in (a, b):
                draft[draft.index(UNIT)] = label
    sizes |= {k: ONE for draft in (*drafts, output) for k in draft if k < UNIT}
    factors = []
    for formula, draft in zip(formulas, drafts, strict=True):
        gone = tuple(axis for axis, k in enumerate(draft) if k == UNIT)
        if gone:
            formula = squeeze(formula, gone)
        factors.append((formula, tuple(k for k in draft if k != UNIT)))
    return factors, output


def _diagonals(factors: list[Factor]) -> tuple[list[Factor], list[Formula]]:
    """Scalars apart; a label twice on a matrix is its diagonal."""
    kept: list[Factor] = []
    scalars: list[Formula] = []
    for formula, labels in factors:
        if not labels:
            scalars.append(formula)
        elif len(labels) == 2 and labels[0] == labels[1]:
            if not isinstance(formula, Identity):
                kept.append((linear(formula.shape[:1], Diagonal, formula), labels[:1]))
            else:
                kept.append((Spread(formula.shape[:1], number(S.One), ()), labels[:1]))
        else:
            kept.append((formula, labels))
    return kept, scalars


def _slices(factors: list[Factor], output: Labels) -> list[Factor]:
    """Brackets [i = k], [i = start + step·j], one-hot rows, summed over i: parts of a factor."""
    for n, (bracket, labels) in enumerate(factors):
        if not isinstance(bracket, OneHot | Bracket) or not labels:
            continue
        last = len(labels) - 1
        for place in (last,) if isinstance(bracket, OneHot) else range(len(labels)):
            label = labels[place]
            users = [m for m, (_, own) in enumerate(factors) if m != n and label in own]
            if label in output or not users or labels.count(label) > 1:
                continue
            rest = [f for m, f in enumerate(factors) if m != n and m not in users]
            new = labels[:place] + labels[place + 1 :]
            placed = _placed(bracket, place, [factors[m] for m in users], label)
            if placed is not None and not set(new) & set(factors[users[0]][1]):
                own = factors[users[0]][1]
                axis = own.index(label)
                rest.append((placed, (*own[:axis], *new, *own[axis + 1 :])))
                return _slices(rest, output)
            parts: dict[tuple[Formula, int], Formula | None] = {}  # equal factors stay equal
            for formula, own in (factors[m] for m in users):
                axis = own.index(label)
                if (formula, axis) not in parts:
                    parts[formula, axis] = _part(bracket, place, formula, axis)
                part = parts[formula, axis]
                if part is None or own.count(label) > 1 or set(new) & set(own):
                    break
                rest.append((part, (*own[:axis], *new, *own[axis + 1 :])))
            else:
                return _slices(rest, output)
    return factors


def _placed(
    bracket: OneHot | Bracket, place: int, users: list[Factor], label: int
) -> Formula | None:
    """The product of factors of the same labels, placed among zeros once; None if it is not."""
    formulas, labels = zip(*users, strict=True)
    if len(users) < 2 or len({*labels}) > 1 or labels[0].count(label) > 1:
        return None
    whole = product(formulas[0].shape, S.One, formulas)
    part = _part(bracket, place, whole, labels[0].index(label))
    return part if part is not None and isinstance(split(part)[-1], Placed) else None


def _part(bracket: OneHot | Bracket, place: int, formula: Formula, axis: int) -> Formula | None:
    """Σᵢ bracketᵢⱼ formulaᵢ, i the axis `place` of the bracket and `axis` of the formula."""
    before, after = formula.shape[:axis], formula.shape[axis + 1 :]
    if isinstance(bracket, OneHot):
        if bracket.ndim != 2:
            return None
        shape = (*before, *bracket.shape[:1], *after)
        return linear(shape, At, formula, axis, bracket.labels)
    if bracket.op != "eq" or bracket.operands or bracket.ndim > 2:
        return None
    index, other = INDEX[place], INDEX[1 - place]
    unit = bracket.condition.coeff(index)
    if unit not in (1, -1):
        return None
    solved = (index - unit * bracket.condition).expand()
    if bracket.ndim == 1:
        return linear((*before, *after), At, formula, axis, number(solved))
    step = solved.coeff(other)
    start = solved - step * other
    if not step.is_Integer or start.has(*INDEX[:2]):
        return None
    # a slice is in range, or its graph says so at run time; where it puts its entries is another
    # matter, and what brackets were composed to (see simplify.brackets) is known to be in range
    return _shifted(formula, axis, start, step, bracket.shape[1 - place], trusted=not place)


def _shifted(
    formula: Formula, axis: int, start: Expr, step: Expr, length: Dim, *, trusted: bool
) -> Formula | None:
    """The entries start, start + step, … of an axis: a slice, with zeros where there are none.

    None where sizes leave open which entries there are, unless all are `trusted` to be.
    """
    size = formula.shape[axis]

    def cut(first: Expr, count: Dim) -> Formula:
        if first == 0 and step == 1 and same(count, size):
            return formula
        whole = _piece(formula, axis, first, count) if step == 1 else None
        if whole is not None:
            return whole
        shape = (*formula.shape[:axis], count, *formula.shape[axis + 1 :])
        return linear(shape, Cut, formula, axis, first, step)

    if step != 1:
        last = (start + step * (length - 1)).expand()
        lowest, highest = (start, last) if step > 0 else (last, start)
        if lowest.is_negative or (highest - size + 1).expand().is_positive:
            return None
        if not (trusted or (lowest.is_nonnegative and (size - 1 - highest).is_nonnegative)):
            return None
        # behind the last entry of a step back, a bound below zero would count from the end
        whole = step > 0 or last.is_positive or same(length, as_dim(floor((start - step) / -step)))
        return cut(start, length) if whole else None
    if start.is_nonpositive:
        front, first = -start, S.Zero
    elif start.is_nonnegative or trusted:
        front, first = S.Zero, start
    else:
        return None
    gap = (length - front - (size - first)).expand()
    if gap.is_nonpositive:
        count = (length - front).expand()
    elif gap.is_nonnegative:
        count = (size - first).expand()
    elif trusted and front == 0:
        count = (length - front).expand()
    else:
        return None
    if same(count, length):
        return cut(first, count)
    shape = (*formula.shape[:axis], length, *formula.shape[axis + 1 :])
    return linear(shape, Placed, cut(first, count), axis, front)


def _piece(formula: Formula, axis: int, first: Expr, count: Dim) -> Formula | None:
    """The piece of what was joined along an axis that a slice takes, if it takes just that."""
    if not isinstance(formula, Joined) or formula.axis != axis:
        return None
    start: Expr = S.Zero
    for piece in formula.pieces:
        if same(start, first) and same(piece.shape[axis], count):
            return piece
        start += piece.shape[axis]
    return None


def _solve(factors: list[Factor], output: Labels, sizes: dict[int, Dim]) -> Formula:
    """The formula on the labels of the output, each of which some factor has."""
    if all(len(labels) <= 2 for _, labels in factors):
        merged = _delta(factors, output)
        if merged is not None:
            vector = _solve_labels(merged, output[:1], sizes)
            return _diagonal_matrix(vector, tuple(sizes[k] for k in output))
    if all(len(labels) <= 2 for _, labels in factors) and len(output) <= 2:
        return _Graph(factors, output, sizes).reduced()
    return _entry_by_entry(factors, output, sizes) or _Graph(factors, output, sizes).reduced()


def _solve_labels(factors: list[Factor], output: Labels, sizes: dict[int, Dim]) -> Formula:
    present = {k for _, labels in factors for k in labels}
    kept, scalars = _diagonals(factors)
    core = tuple(k for k in output if k in present)
    result = _solve(kept, core, sizes)
    result = product(result.shape, S.One, [*scalars, result])
    axes = [axis for axis, k in enumerate(output) if k in present]
    return spread(result, tuple(sizes[k] for k in output), axes)


def _delta(factors: list[Factor], output: Labels) -> list[Factor] | None:
    """Factors with one label for both axes of the output, if an identity matrix couples them."""
    if len(output) != 2:
        return None
    i, j = output
    for n, (formula, labels) in enumerate(factors):
        if isinstance(formula, Identity) and set(labels) == {i, j}:
            rest = [*factors[:n], *factors[n + 1 :]]
            return [(f, tuple(i if k == j else k for k in own)) for f, own in rest]
    return None


def _diagonal_matrix(vector: Formula, shape: Shape) -> Formula:
    if isinstance(vector, Spread) and not vector.operand.ndim:
        return product(shape, S.One, [vector.operand, Identity(shape)])
    return linear(shape, Diag, vector)


def _entry_by_entry(factors: list[Factor], output: Labels, sizes: dict[int, Dim]) -> Formula | None:
    """A product entry by entry along the axes of its longest factor, then a sum over axes."""
    order = max((labels for _, labels in factors), key=len)
    if len(set(order)) < len(order):
        return None
    place = {k: axis for axis, k in enumerate(order)}
    shape = tuple(sizes[k] for k in order)
    spreads = []
    for formula, labels in factors:
        axes = [place[k] for k in labels if k in place]
        if len(axes) < len(labels) or axes != sorted(set(axes)):
            return None
        spreads.append(spread(formula, shape, axes))
    if len(output) < len(order) and any(len(labels) < len(order) for _, labels in factors):
        return None
    if [k for k in order if k in output] != list(output):
        if order != output[::-1]:
            return None
        return transpose(product(shape, S.One, spreads))
    summed = tuple(axis for axis, k in enumerate(order) if k not in output)
    whole = product(shape, S.One, spreads)
    return sum_over(whole, summed) if summed else whole


@dataclass(slots=True)
class _Graph:
    """The contraction graph; `reduced` eliminates its summed labels one by one."""

    factors: list[Factor]
    output: Labels
    sizes: dict[int, Dim]
    scalars: list[Formula] = field(default_factory=list)

    def labels(self) -> list[int]:
        return list(dict.fromkeys(k for _, labels in self.factors for k in labels))

    def holders(self, label: int) -> list[Factor]:
        return [f for f in self.factors if label in f[1]]

    def edges(self, label: int) -> dict[frozenset[int], list[Factor]]:
        """The factors with this and one other label, grouped by the two; longer ones included."""
        groups: dict[frozenset[int], list[Factor]] = {}
        for factor in self.holders(label):
            if len(factor[1]) > 1:
                groups.setdefault(frozenset(factor[1]), []).append(factor)
        return groups

    def weights(self, label: int) -> list[Factor]:
        return [f for f in self.holders(label) if len(f[1]) == 1]

    def replace(self, old: Iterable[Factor], new: Factor) -> None:
        gone = {id(f) for f in old}
        self.factors = [f for f in self.factors if id(f) not in gone]
        if new[1]:
            self.factors.append(new)
        else:
            self.scalars.append(new[0])

    def vector(self, weights: Sequence[Factor]) -> Formula:
        return product(weights[0][0].shape, S.One, [formula for formula, _ in weights])

    def matrix(self, group: Sequence[Factor], row: int, column: int) -> Formula:
        """The product entry by entry of factors on one edge, with the fewest transposes."""
        shape = (self.sizes[row], self.sizes[column])
        along = [formula for formula, labels in group if labels == (row, column)]
        across = [formula for formula, labels in group if labels != (row, column)]
        if len(across) > len(along) + (len(along) > 0):
            flipped = [*(transpose(f) for f in along), *across]
            return transpose(product(shape[::-1], S.One, flipped))
        ordered = [
            formula if labels == (row, column) else transpose(formula) for formula, labels in group
        ]
        return product(shape, S.One, ordered)

    def reduced(self) -> Formula:
        while self.step():
            pass
        left = [k for k in self.labels() if k not in self.output]
        result = self.indexed() if left or not self.matrix_form() else self.on_output()
        return product(result.shape, S.One, [*self.scalars, result])

    def matrix_form(self) -> bool:
        return len(self.output) <= 2 and all(len(labels) <= 2 for _, labels in self.factors)

    def step(self) -> bool:
        """Eliminate one summed label, or both ends of a bare edge; whether there was one."""
        best: tuple[int, int, int] | None = None
        for label in self.labels():
            if label not in self.output:
                rank = self.rank(label)
                if rank is not None and (best is None or rank < best[:2]):
                    best = (*rank, label)
        if best is None:
            return False
        self.eliminate(best[2])
        return True

    def rank(self, label: int) -> tuple[int, int] | None:
        """How early to eliminate the label; None if it cannot be."""
        groups = self.edges(label)
        if any(len(pair) > 2 for pair in groups) or len(groups) > 2:
            return None
        if any(len(set(labels)) < len(labels) for _, labels in self.holders(label)):
            return None
        natural = sum(f[1][-1] != label for group in groups.values() for f in group)
        if len(groups) == 1:
            if self.weights(label):
                return 0, natural
            return (1 if self.output else 3), natural
        if len(groups) == 2:
            flips = min(
                self.flips(label, groups), self.flips(label, dict(reversed(groups.items())))
            )
            return 2, flips
        return 4, 0

    def flips(self, label: int, groups: dict[frozenset[int], list[Factor]]) -> int:
        first, second = groups.values()
        return sum(f[1][0] == label for f in first) + sum(f[1][1] == label for f in second)

    def eliminate(self, label: int) -> None:
        groups = self.edges(label)
        weights = self.weights(label)
        if not groups:
            self.replace(weights, (self.summed_weights(weights), ()))
        elif len(groups) == 1:
            self.eliminate_end(label, next(iter(groups.values())), weights)
        else:
            self.eliminate_between(label, groups, weights)

    def summed_weights(self, weights: Sequence[Factor]) -> Formula:
        formulas = [formula for formula, _ in weights]
        if len(formulas) == 1:
            return sum_over(formulas[0], (0,))
        if len(formulas) == 2 and formulas[0] is formulas[1]:
            return linear_square(formulas[0])
        return dot(formulas[0], product(formulas[0].shape, S.One, formulas[1:]))

    def eliminate_end(self, label: int, group: list[Factor], weights: Sequence[Factor]) -> None:
        (other,) = {k for _, labels in group for k in labels} - {label}
        bare = other not in self.output and not self.weights(other) and not weights
        if bare and len(self.edges(other)) == 1:
            self.replace(group, (self.summed_edge(group), ()))
            return
        if weights:
            self.replace([*group, *weights], (self.applied(label, other, group, weights), (other,)))
            return
        flipped = sum(labels[0] == label for _, labels in group) * 2 > len(group)
        pair = (label, other) if flipped else (other, label)
        self.replace(group, (sum_over(self.matrix(group, *pair), (0 if flipped else 1,)), (other,)))

    def applied(
        self, label: int, other: int, group: list[Factor], weights: Sequence[Factor]
    ) -> Formula:
        """M w; where a symbol w stands before Mᵀ, the column is (wᵀ Mᵀ)ᵀ: w @ M in NumPy."""
        vector, row = self.vector(weights), weights[0][0]
        if (
            len(group) == len(weights) == 1
            and group[0][1] == (label, other)
            and self.factors.index(weights[0]) < self.factors.index(group[0])
            and isinstance(row, Name)
            and row.leaf.role not in ("adjoint", "tangent")
        ):
            result = chain([transpose(row), group[0][0]])
            return linear(result.shape, Transpose, result)
        return chain([self.matrix(group, other, label), vector])

    def summed_edge(self, group: list[Factor]) -> Formula:
        row, column = group[0][1]
        first = group[0][0]
        if len(group) == 1:
            return sum_over(first, (0, 1))
        if len(group) == 2 and group[1][0] is first and group[1][1] == (row, column):
            return linear_square(first)
        if len(group) == 2 and group[1][1] == (column, row):
            return linear((), Trace, chain([first, group[1][0]]))
        return inner(first, self.matrix(group[1:], row, column))

    def eliminate_between(
        self, label: int, groups: dict[frozenset[int], list[Factor]], weights: Sequence[Factor]
    ) -> None:
        pairs = list(groups.items())
        if self.flips(label, groups) > self.flips(label, dict(reversed(pairs))):
            pairs.reverse()
        ends = [next(iter(pair - {label})) for pair, _ in pairs]
        if set(ends) == set(self.output):  # the order of the output, where it shows
            pairs.sort(key=lambda pair: self.output.index(next(iter(pair[0] - {label}))))
            ends = list(self.output)
        left = self.matrix(pairs[0][1], ends[0], label)
        right = self.matrix(pairs[1][1], label, ends[1])
        if weights:
            scaled = spread(self.vector(weights), left.shape, (1,))
            left = product(left.shape, S.One, [left, scaled])
        old = [*pairs[0][1], *pairs[1][1], *weights]
        self.replace(old, (chain([left, right]), (ends[0], ends[1])))

    def on_output(self) -> Formula:
        """What is left when all labels are the output's, at most two."""
        if not self.output:
            return number(Integer(1))
        if len(self.output) == 1:
            return self.vector(self.weights(self.output[0]))
        row, column = self.output
        shape = (self.sizes[row], self.sizes[column])
        group = next(iter(self.edges(row).values()), [])
        rows, columns = self.weights(row), self.weights(column)
        if not group:
            u, v = self.vector(rows), self.vector(columns)
            return outer(shape, u, v)
        matrix = self.matrix(group, row, column)
        sides = [(rows, (0,)), (columns, (1,))]
        scaled = [spread(self.vector(w), shape, axes) for w, axes in sides if w]
        return product(shape, S.One, [matrix, *scaled])

    def indexed(self) -> Formula:
        """Index notation: factors on the same labels in the same order are multiplied first."""
        shape = tuple(self.sizes[k] for k in self.output)
        groups: dict[Labels, list[Formula]] = {}
        for formula, labels in self.factors:
            groups.setdefault(labels, []).append(formula)
        factors = [product(f[0].shape, S.One, f) for f in groups.values()]
        return Indexed(shape, self.output, tuple(groups), tuple(factors))


__all__ = ["contraction"]
