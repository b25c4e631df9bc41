"""Recurrent cells: one step in time, with PyTorch's weights and order of gates."""

from symgrad.declare.vocabulary.layers import linear
from symgrad.declare.vocabulary.table import FUNCTIONS, named
from symgrad.errors import ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import Shape, as_dim, same_shape, show
from symgrad.tensor.nodes import Node


@named
def rnn_cell(
    x: object, h: object, W_ih: object, W_hh: object, b_ih: object = None, b_hh: object = None
) -> Node:
    """tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh), for x (..., I), h (..., H), W_ih (H, I), W_hh (H, H).

    Source: Elman (1990); PyTorch, torch.nn.RNNCell.
    """
    (inner,), (own,) = _gates("rnn_cell", 1, x, h, W_ih, W_hh, b_ih, b_hh)
    return _act("tanh", op.add(inner, own))


@named
def gru_cell(
    x: object, h: object, W_ih: object, W_hh: object, b_ih: object = None, b_hh: object = None
) -> Node:
    """(1 − z) ⊙ n + z ⊙ h with n = tanh(x Wₙᵀ + r ⊙ (h Uₙᵀ)) and gates r, z = σ(x Wᵀ + h Uᵀ).

    W_ih (3H, I) holds W of r, z, n in this order, W_hh (3H, H) U, and the biases b_ih, b_hh (3H,)
    likewise. The reset gate r stands outside the product with Uₙ, as in cuDNN.

    Source: Cho et al. (2014), eq. 5 to 8; PyTorch, torch.nn.GRUCell.
    """
    (x_r, x_z, x_n), (h_r, h_z, h_n) = _gates("gru_cell", 3, x, h, W_ih, W_hh, b_ih, b_hh)
    reset, update = (_act("sigmoid", op.add(a, b)) for a, b in ((x_r, h_r), (x_z, h_z)))
    new = _act("tanh", op.add(x_n, op.multiply(reset, h_n)))
    return op.add(op.multiply(op.subtract(1, update), new), op.multiply(update, h))


@named
def lstm_cell(
    x: object,
    h: object,
    c: object,
    W_ih: object,
    W_hh: object,
    b_ih: object = None,
    b_hh: object = None,
) -> tuple[Node, Node]:
    """The pair (h′, c′) with c′ = f ⊙ c + i ⊙ g and h′ = o ⊙ tanh(c′).

    The gates i, f, o = σ(x Wᵀ + h Uᵀ) and g = tanh(x Wᵀ + h Uᵀ): W_ih (4H, I) holds W of i, f, g, o
    in this order, W_hh (4H, H) U, and the biases b_ih, b_hh (4H,) likewise.

    Source: Hochreiter, Schmidhuber (1997); Gers, Schmidhuber, Cummins (2000); torch.nn.LSTMCell.
    """
    sums = map(op.add, *_gates("lstm_cell", 4, x, h, W_ih, W_hh, b_ih, b_hh))
    i, f, g, o = (_act(name, each) for name, each in zip(_LSTM, sums, strict=True))
    state = op.as_node(c)
    _require("lstm_cell", "c", state, (*state.shape[:-1], i.shape[-1]))
    cell = op.add(op.multiply(f, state), op.multiply(i, g))
    return op.multiply(o, _act("tanh", cell)), cell


_LSTM = ("sigmoid", "sigmoid", "tanh", "sigmoid")  # of i, f, g, o


def _act(name: str, x: Node) -> Node:
    return FUNCTIONS[name](x)  # type: ignore[no-any-return]


def _gates(
    what: str,
    count: int,
    x: object,
    h: object,
    W_ih: object,
    W_hh: object,
    b_ih: object,
    b_hh: object,
) -> tuple[list[Node], list[Node]]:
    """x W_ihᵀ + b_ih and h W_hhᵀ + b_hh, each cut into as many gates."""
    value, state, input_weight, state_weight = map(op.as_node, (x, h, W_ih, W_hh))
    for name, node in (("x", value), ("h", state)):
        if not node.ndim:
            raise ShapeError(f"{what}: {name} is a scalar; its last axis holds the features")
    fan_in, units = value.shape[-1], state.shape[-1]
    rows = as_dim(count * units)
    _require(what, "W_ih", input_weight, (rows, fan_in))
    _require(what, "W_hh", state_weight, (rows, units))
    for name, bias in (("b_ih", b_ih), ("b_hh", b_hh)):
        if bias is not None:
            _require(what, name, op.as_node(bias), (rows,))

    def cut(total: Node) -> list[Node]:
        return [
            total if count == 1 else total[..., k * units : (k + 1) * units] for k in range(count)
        ]

    return cut(linear(value, input_weight, b_ih)), cut(linear(state, state_weight, b_hh))


def _require(what: str, name: str, node: Node, shape: Shape) -> None:
    if not same_shape(node.shape, shape):
        raise ShapeError(
            f"{what}: {name} is of shape {show(shape)}, not {show(node.shape)}",
            hint="gates stand one above the other in the rows of a weight, as in PyTorch",
        )
