"""Functions with their arguments."""

from typing import TYPE_CHECKING, Any

from symgrad.declare.latex.arrays import RULES, diagonal, plain
from symgrad.declare.latex.functions import (
    Function,
    function,
    of_network,
    require_plain_scripts,
)
from symgrad.declare.latex.subscripts import subscripted
from symgrad.declare.latex.superscripts import raised
from symgrad.declare.latex.trees import Group, Number, Relation, Scripted, Tree, Word
from symgrad.declare.latex.values import Value, elementwise, power, product
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.tensor import operators as op

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader, Tail

#: What functions may be told beside their arguments.
_OPTIONS = {"axis", "keepdims"}


def applied(
    reader: "Reader",
    fn: Function,
    rest: tuple[Tree, ...],
    divides: tuple[bool, ...],
    tail: "Tail",
) -> tuple[Value, int, bool]:
    """A function with its argument: the value, the factors that it took, whether the tail too."""
    require_plain_scripts(reader, fn)
    if not rest or divides[0]:
        reader.fail(f"{fn.name} needs an argument", fn.head)
    first, used, done = rest[0], 2, False
    group = first.base if isinstance(first, Scripted) else first
    if isinstance(group, Group) and group.kind in ("PAREN", "BRACK", "CURLY"):
        value = _called(reader, fn, group)
        if isinstance(first, Scripted):
            if first.primes:
                reader.fail("a prime belongs to a function", first)
            value = subscripted(reader, value, first.below, first)
            value = raised(reader, value, first.above, first)
    else:
        value, used, done = _bare(reader, fn, rest, divides, tail)
    return _powered(reader, fn, value), used, done


def _bare(
    reader: "Reader",
    fn: Function,
    rest: tuple[Tree, ...],
    divides: tuple[bool, ...],
    tail: "Tail",
) -> tuple[Value, int, bool]:
    r"""\log x, \log 2 \pi, \log \sum_i x_i: an argument without brackets."""
    argument, used, done = reader.factor(rest, divides, tail)
    if isinstance(rest[0], Number) and used == 1 and len(rest) > 1 and not divides[1]:
        more, extra, done = reader.factor(rest[1:], divides[1:], tail)
        argument, used = product(argument, more), used + extra
    left = rest[used:]
    if left and not done and not divides[used] and function(reader, left[0]) is None:
        reader.fail(f"how far does the argument of {fn.name} go?", left[0], "put it in brackets")
    return _evaluated(reader, fn, [argument], {}), 1 + used, done


def _called(reader: "Reader", fn: Function, group: Group) -> Value:
    arguments: list[Value] = []
    options: dict[str, Any] = {}
    for item in group.items:
        match item:
            case Relation(sides=(Word(text=text), value), signs=("=",)):
                options[text.strip()] = _option(reader, value)
            case Word(text=text) if "=" in text:
                word, _, said = text.partition("=")
                options[word.strip()] = said.strip() == "True"
            case _:
                arguments.append(reader.value(item))
    for word in options.keys() - _OPTIONS:
        reader.fail(f"{fn.name} has no option {word!r}", group, "options are axis and keepdims")
    return _evaluated(reader, fn, arguments, options)


def _option(reader: "Reader", tree: Tree) -> Any:
    if isinstance(tree, Word) and tree.text in ("True", "False"):
        return tree.text == "True"
    number = reader.number(tree)
    if number is None or not number.is_Integer:
        reader.fail("an option is a whole number, True or False", tree)
    return int(number)  # type: ignore[arg-type]


def _evaluated(
    reader: "Reader", fn: Function, arguments: list[Value], options: dict[str, Any]
) -> Value:
    if any(value.unit for value in arguments):
        reader.fail("the size of the identity matrix is not known", fn.head, "write I_{n}")
    if any(value.elastic for value in arguments):
        reader.fail("the length of these ones is not known", fn.head, r"write it: \mathbf{1}_{n}")
    if not fn.entrywise:
        return RULES.get(fn.name, plain)(reader, fn, arguments, options)
    if len(arguments) != 1 or options:
        reader.fail(f"{fn.name} takes one argument", fn.head)
    (argument,) = arguments
    if fn.activation:
        fn = of_network(reader, fn, argument)
    body = fn.body
    if body is None:
        return _based(reader, fn, elementwise(lambda x: FUNCTIONS[fn.name](x), argument))
    value = elementwise(lambda x: op.apply(body, x), argument)
    return diagonal(value) if fn.diagonal else value


def _based(reader: "Reader", fn: Function, value: Value) -> Value:
    r"""\log_2 of a number."""
    if not fn.head.below:
        return value
    base = reader.number(fn.head.below[0]) if len(fn.head.below) == 1 else None
    if base is None or not base.is_Integer or base < 2:
        reader.fail("the base of a logarithm is a whole number", fn.head.below[0])
    scale = Value(FUNCTIONS["log"](op.as_node(base)))
    return elementwise(op.divide, value, scale)


def _powered(reader: "Reader", fn: Function, value: Value) -> Value:
    r"""\tanh^2(z) is the square of the value; f^{[1]}' is of a layer."""
    for each in fn.head.above:
        if each.mark or len(each.items) != 1:
            reader.fail("cannot read this superscript of a function", fn.head)
        if isinstance(each.items[0], Group):
            continue
        exponent = reader.value(each.items[0])
        number = op.constant_of(exponent.node)
        if number is None or number.is_negative:
            reader.fail(
                "is this an inverse function or a reciprocal?", fn.head, r"write \frac{1}{f(x)}"
            )
        value = power(value, exponent)
    return value
