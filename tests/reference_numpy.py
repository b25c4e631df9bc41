"""A small NumPy reference of the grammar of `.numpy()` texts: it shares no code with symgrad.

Statements `name = expression; ...; expression` in Python's syntax with NumPy's meaning. The texts
that it runs are made by symgrad or stand in tests; nothing of a user comes here.
"""

import ast
import math

import numpy as np
import reference_windows as windows

_NODES = (
    ast.Module, ast.Expr, ast.Assign, ast.Name, ast.Load, ast.Store, ast.Tuple, ast.Constant,
    ast.Call, ast.keyword, ast.Attribute, ast.Subscript, ast.Slice, ast.BinOp, ast.UnaryOp,
    ast.Compare, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip

_NUMPY = """
    exp log log1p expm1 sqrt sin cos tan sinh cosh tanh arcsin arccos arctan abs sign maximum
    minimum where clip sum mean prod max min dot outer diag trace kron einsum concatenate arange
    ones zeros eye tril triu cumsum cumprod
""".split()


def logsumexp(x, axis=None, keepdims=False):
    top = np.max(x, axis=axis, keepdims=True)
    result = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return result if keepdims else np.squeeze(result, axis=axis)


def softmax(x, axis=None):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def position(pick):
    """The row-major position over all axes, one of them, or the last few."""

    def over(x, axis=None):
        if isinstance(axis, tuple):
            x, axis = x.reshape(*x.shape[: np.ndim(x) - len(axis)], -1), -1
        return pick(x, axis)

    return over


def symmetric(x):
    return (x + np.swapaxes(x, -1, -2)) / 2


def expm(x):
    """Its series, at x/2⁸, squared eight times."""
    result = term = np.zeros_like(x) + np.eye(x.shape[-1])
    for k in range(1, 20):
        term = term @ x / (k * 2**8)
        result = result + term
    for _ in range(8):
        result = result @ result
    return result


FUNCTIONS = {name: getattr(np, name) for name in _NUMPY} | {
    "inf": math.inf,
    "transpose": np.transpose,
    "argmax": position(np.argmax),
    "argmin": position(np.argmin),
    "conv1d": windows.conv,
    "conv2d": windows.conv,
    "conv_transpose1d": windows.conv_transpose,
    "conv_transpose2d": windows.conv_transpose,
    "max_pool1d": lambda x, **options: windows.pool(x, rank=1, **options),
    "max_pool2d": windows.pool,
    "pi": math.pi,
    "vec": lambda x: np.reshape(x, -1, order="F"),
    "inv": np.linalg.inv,
    "pinv": np.linalg.pinv,
    "det": np.linalg.det,
    "solve": np.linalg.solve,
    "cholesky": lambda x: np.linalg.cholesky(symmetric(x)),
    "eigh": lambda x: np.linalg.eigh(symmetric(x)),
    "svd": lambda x: np.linalg.svd(x, full_matrices=False),
    "expm": expm,
    "stop_gradient": lambda x: x,
    "reshape": lambda x, *shape: np.reshape(x, shape[0] if isinstance(shape[0], tuple) else shape),
    "logdet": lambda x: np.linalg.slogdet(x)[1],
    "erf": np.vectorize(math.erf, otypes=[float]),
    "norm": lambda x, axis=None, keepdims=False: np.sqrt(np.sum(x * x, axis, keepdims=keepdims)),
    "sigmoid": lambda x: (1 + np.tanh(x / 2)) / 2,
    "softplus": lambda x: np.logaddexp(x, 0.0),
    "relu": lambda x: np.maximum(x, 0.0),
    "softmax": softmax,
    "logsumexp": logsumexp,
    "onehot": lambda i, size: (i[..., None] == np.arange(size)) * 1.0,
}


def run(text, names):
    """The value of the text; `names` are arrays and sizes of dimensions."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if not isinstance(node, _NODES) or (isinstance(node, ast.Attribute) and node.attr != "T"):
            raise ValueError(f"{type(node).__name__} is outside the grammar: {text}")
    result = ast.Expression(tree.body.pop().value)
    scope = {"__builtins__": {}} | FUNCTIONS | names
    exec(compile(tree, text, "exec"), scope)
    return eval(compile(result, text, "eval"), scope)
