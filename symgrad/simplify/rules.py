"""The table of rewrite rules: what each does, when it may, why it is true, and who says so.

Term rules take a product of indexed atoms, node rules a node whose operands are simplified; both
return the simpler form, or None where they do not apply. Every rule lowers the number of factors,
labels or operations, or takes an exponential or a logarithm away, so they end.
"""

from collections.abc import Callable
from dataclasses import dataclass

from symgrad.simplify import (
    brackets,
    deviations,
    functions,
    matrices,
    products,
    quotients,
    recognise,
    reshapes,
)
from symgrad.simplify.terms import Term
from symgrad.tensor.nodes import Node


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. A `quiet` rule is bookkeeping that no reader needs to be told of."""

    name: str
    apply: Callable[[Term], Term | None] | Callable[[Node], Node | None]
    why: str
    source: str
    quiet: bool = True
    fact: bool = False

    @property
    def formula(self) -> str:
        """The identity, and under which condition it holds: the rule's docstring."""
        return " ".join((self.apply.__doc__ or "").split("\n\n")[0].split())


# Editions matter to the numbers of equations and sections.
ELEMENTARY = "elementary"
BOYD = "Boyd & Vandenberghe, Convex Optimization (2004)"
CONCRETE = "Graham, Knuth & Patashnik, Concrete Mathematics (2nd ed.), §2.1"
COOKBOOK = "Petersen & Pedersen, The Matrix Cookbook (2012)"
DLMF = "NIST Digital Library of Mathematical Functions"
GOLUB = "Golub & Van Loan, Matrix Computations (4th ed.)"
GOODFELLOW = "Goodfellow, Bengio & Courville, Deep Learning (2016)"
HIGHAM = "Higham, Functions of Matrices (2008)"
LOGSUMEXP = "Blanchard, Higham & Higham, Accurately Computing the Log-Sum-Exp and Softmax (2021)"
MAGNUS = "Magnus & Neudecker, Matrix Differential Calculus (3rd ed.)"

TERM_RULES: tuple[Rule, ...] = (
    Rule("delta", products.delta, "a sum over [i = j] picks one entry", CONCRETE),
    Rule("one index", products.one_index, "where i = j either may be written", CONCRETE),
    Rule(
        "bracket composed",
        brackets.composed,
        "a sum over j with [i = j + a] puts i − a for j",
        CONCRETE,
    ),
    Rule(
        "bracket decided",
        brackets.decided,
        "a condition that always or never holds is 1 or 0",
        CONCRETE,
    ),
    Rule("inverse cancels", matrices.inverse_cancels, "X X⁻¹ = I", f"{GOLUB}, §2.1"),
    Rule("inverse of a product", matrices.inverse_opens, "(P Q)⁻¹ P = Q⁻¹", f"{COOKBOOK}, eq. 1"),
    Rule(
        "symmetric",
        matrices.turned(facts=False),
        "XᵀX and the like are symmetric",
        f"{COOKBOOK}, eqs. 3–5",
    ),
    Rule(
        "declared symmetric",
        matrices.turned(facts=True),
        "a symmetric matrix is its transpose",
        f"{COOKBOOK}, eqs. 3–5",
        quiet=False,
        fact=True,
    ),
    Rule(
        "sums to one",
        products.sums_to_one(products.naturally_to_one),
        "rows of {0} sum to one",
        f"{GOODFELLOW}, §4.1",
        quiet=False,
    ),
    Rule(
        "declared to sum to one",
        products.sums_to_one(products.declared_to_one),
        "rows of {0} sum to one",
        f"{BOYD}, §2.2.4",
        quiet=False,
        fact=True,
    ),
    Rule(
        "deviations sum to zero",
        deviations.sums_to_zero,
        "deviations from a mean sum to zero",
        ELEMENTARY,
        quiet=False,
        fact=True,
    ),
    Rule("power of a product", products.opened_power, "(x y)ᵏ = xᵏ yᵏ", f"{DLMF}, §4.8(ii)"),
    Rule("powers", products.powers, "powers of one base add up", f"{DLMF}, §4.8(ii)"),
    Rule(
        "indicator squared",
        products.idempotent(products.is_indicator),
        "an indicator is its own square",
        ELEMENTARY,
    ),
    Rule(
        "binary squared",
        products.idempotent(products.declared_binary),
        "{0} is 0 or 1, so it is its own square",
        ELEMENTARY,
        quiet=False,
        fact=True,
    ),
    Rule(
        "masked",
        products.masked,
        "{0} is 0 or 1, and a factor already",
        ELEMENTARY,
        quiet=False,
        fact=True,
    ),
    Rule("signs", products.signs, "a sign squared is one", ELEMENTARY, quiet=False, fact=True),
    Rule(
        "picked entry",
        products.picked(functions.label_axes),
        "labels pick one entry of each row",
        CONCRETE,
    ),
    Rule(
        "declared to pick",
        products.picked(products.declared_onehot),
        "one-hot rows pick one entry",
        CONCRETE,
        quiet=False,
        fact=True,
    ),
    Rule(
        "ReLU and its slope",
        products.rectified,
        "a ReLU is 0 where its slope is",
        f"{GOODFELLOW}, §6.3",
    ),
    Rule("scale of a norm", quotients.scale_of_norm, "s/√(s² u) = sign(s)/√u", f"{GOLUB}, §2.2"),
    Rule("index in range", brackets.in_range, "an index is in range", CONCRETE),
    Rule(
        "padding never wins",
        brackets.largest_is_real,
        "the largest of a window is no padding",
        ELEMENTARY,
    ),
    Rule(
        "softmax by hand",
        recognise.softmax_by_hand,
        "eˣ/Σ eˣ = softmax(x)",
        f"{GOODFELLOW}, §4.1",
        quiet=False,
    ),
    Rule(
        "sigmoid of exp",
        recognise.sigmoid_of_exp,
        "eˣ/(1 + eˣ) = σ(x)",
        f"{GOODFELLOW}, §3.10",
        quiet=False,
    ),
    Rule(
        "tanh by hand",
        recognise.tanh_by_hand,
        "(eˣ − e⁻ˣ)/(eˣ + e⁻ˣ) = tanh(x)",
        f"{DLMF}, §4.28",
        quiet=False,
    ),
)

NODE_RULES: tuple[Rule, ...] = (
    Rule(
        "log of a softmax",
        functions.log_of_softmax,
        "rewritten: log of a softmax",
        f"{GOODFELLOW}, §6.2.2.3",
        quiet=False,
    ),
    Rule(
        "log of a sigmoid",
        functions.log_of_sigmoid,
        "rewritten: log of a sigmoid",
        f"{GOODFELLOW}, §3.10",
        quiet=False,
    ),
    Rule(
        "log of 1 − sigmoid",
        functions.log_of_one_minus_sigmoid,
        "rewritten: log of 1 − sigmoid",
        f"{GOODFELLOW}, §3.10",
        quiet=False,
    ),
    Rule("inverse functions", functions.inverses, "exp and log undo each other", f"{DLMF}, §4.8"),
    Rule(
        "log of a picked softmax",
        functions.log_of_picked_softmax,
        "rewritten: log of a softmax",
        f"{GOODFELLOW}, §6.2.2.3",
        quiet=False,
    ),
    Rule(
        "log of a quotient",
        functions.log_of_quotient,
        "rewritten: log of a quotient",
        f"{DLMF}, §4.8(i)",
        quiet=False,
    ),
    Rule(
        "product of the others",
        functions.product_of_others,
        "entries were declared not to be 0",
        ELEMENTARY,
        quiet=False,
        fact=True,
    ),
    Rule("power of a multiple", functions.power_of_multiple, "(c x)ᵏ = cᵏ xᵏ", f"{DLMF}, §4.8(ii)"),
    Rule("power of powers", functions.power_of_powers, "(x x)ᵏ = x²ᵏ", f"{DLMF}, §4.8(ii)"),
    Rule(
        "comparison of multiples",
        functions.of_multiples,
        "[a x > b x] = [x > 0] for a > b",
        ELEMENTARY,
    ),
    Rule(
        "softplus by hand",
        recognise.softplus_by_hand,
        "log(1 + eˣ) = softplus(x)",
        f"{GOODFELLOW}, §3.10",
        quiet=False,
    ),
    Rule(
        "sigmoid by hand",
        recognise.sigmoid_by_hand,
        "1/(1 + e⁻ˣ) = σ(x)",
        f"{GOODFELLOW}, §3.10",
        quiet=False,
    ),
    Rule(
        "logsumexp by hand",
        recognise.logsumexp_by_hand,
        "log Σ eˣ = logsumexp(x)",
        f"{BOYD}, §3.1.5",
        quiet=False,
    ),
    Rule(
        "softmax of a shift",
        recognise.shifted_softmax,
        "softmax(x + c) = softmax(x)",
        LOGSUMEXP,
        quiet=False,
    ),
    Rule(
        "logsumexp of a shift",
        recognise.shifted_logsumexp,
        "logsumexp(x + c) = logsumexp(x) + c",
        LOGSUMEXP,
        quiet=False,
    ),
    Rule(
        "of a transpose",
        matrices.of_transpose,
        "f(Xᵀ) = f(X)ᵀ",
        f"{COOKBOOK}, eqs. 3, 20; {HIGHAM}, Thm. 1.13",
    ),
    Rule("of an inverse", matrices.of_inverse, "(X⁻¹)⁻¹ = X", f"{COOKBOOK}, eq. 22"),
    Rule("of an identity", matrices.of_identity, "I⁻¹ = I", ELEMENTARY),
    Rule("of a multiple", matrices.of_multiple, "(c X)⁻¹ = X⁻¹/c", ELEMENTARY),
    Rule("of a diagonal", matrices.of_diagonal, "diag(x)⁻¹ = diag(1/x)", f"{MAGNUS}, ch. 1"),
    Rule(
        "log of a squared determinant",
        matrices.log_of_square,
        "log (det X)² = 2 log|det X|",
        f"{DLMF}, §4.8(i)",
    ),
    Rule("reshape of a sum", reshapes.of_sum, "a reshape is linear", ELEMENTARY),
    Rule(
        "reshape of an identity",
        reshapes.of_identity,
        "[ik = jl] = [i = j] [k = l]",
        f"{MAGNUS}, ch. 2",
    ),
    Rule("bracket", brackets.nonzero_indicator, "a bracket is 0 or 1", CONCRETE),
    Rule("mask", functions.lone_where, "where(c, 1, 0) = [c ≠ 0]", CONCRETE),
    Rule(
        "sign of a ReLU",
        functions.relu_slope,
        "a ReLU is positive where its argument is",
        f"{GOODFELLOW}, §6.3",
    ),
)
