# ruff: noqa: E402, E731, F841, RET503
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
from workloads import EPS, LAM


def ce(O, y):
    return jnp.mean(jax.nn.logsumexp(O, 1) - jnp.take_along_axis(O, y[:, None], 1)[:, 0])


def relu(x):
    return jax.nn.relu(x)


def mlp2(P, X, y):
    A, a, B, b = P
    return ce(relu(X @ A + a) @ B + b, y) + LAM / 2 * (jnp.sum(A * A) + jnp.sum(B * B))


def L_W1(P, X, y):
    A, a, B, b = P
    z = (relu(X @ A + a) @ B + b)[:, 0]
    return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))


L_W2 = mlp2


def L_W3(P, X, T):
    h = X
    for l in range(len(P) // 2):
        h = jnp.tanh(h @ P[2 * l] + P[2 * l + 1])
    return jnp.mean((h - T) ** 2)


def L_W4a(P, X, T):
    g, be, A, a, B, b = P
    mu = X.mean(1, keepdims=True)
    v = jnp.var(X, 1, keepdims=True)
    Y = (X - mu) * jax.lax.rsqrt(v + EPS) * g + be
    return jnp.mean((X + jax.nn.gelu(Y @ A + a, approximate=True) @ B + b - T) ** 2)


def L_W4b(P, X, T, m):
    A, g, be, B, b = P
    U = X @ A
    xh = (U - U.mean(0)) * jax.lax.rsqrt(jnp.var(U, 0) + EPS)
    return jnp.mean(((jax.nn.softplus(g * xh + be) * m) @ B + b - T) ** 2)


def L_W4c(P, X):
    a, b = P
    return jnp.mean(jnp.tanh(a * X + b) * jax.nn.sigmoid(b * X))


def L_W6(P, X, y):
    K, kb, W, b = P
    C = (
        jax.lax.conv_general_dilated(
            X, K, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW")
        )
        + kb[None, :, None, None]
    )
    R = relu(C)
    Q = jax.lax.reduce_window(R, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return ce(Q.reshape(len(X), -1) @ W + b, y)


ARGS = {
    "W1": ("X", "y"),
    "W2": ("X", "y"),
    "W3": ("X", "T"),
    "W4a": ("X", "T"),
    "W4b": ("X", "T", "mask"),
    "W4c": ("X",),
    "W6": ("X", "y"),
}


def build(c, D, variant=""):
    j = lambda a: jnp.asarray(a)
    P = [j(p) for p in D["params"]]
    F = c.fam
    if F in ARGS:
        g = jax.jit(jax.value_and_grad(globals()["L_" + F]))
        A = [j(D[k]) for k in ARGS[F]]

        def f():
            o = g(P, *A)
            o[0].block_until_ready()
            o[1][-1].block_until_ready()
            return o

        return f
    if F == "W5a":
        X, y = j(D["X"]), j(D["y"])
        h = jax.jit(jax.hessian(lambda w, X, y: jnp.sum(jnp.logaddexp(0.0, -y * (X @ w)))))
        w = P[0]
        return lambda: (None, [h(w, X, y).block_until_ready()])
    if F == "W5b":
        T, V = j(D["T"]), j(D["Vm"])
        h = jax.jit(jax.hessian(lambda U, V, T: jnp.sum((T - U @ V.T) ** 2)))
        n = P[0].size
        return lambda: (None, [h(P[0], V, T).block_until_ready()])
    if F == "W5c":
        X, y = j(D["X"]), j(D["y"])

        def L(A, a, B, b, X, y):
            return ce(jnp.tanh(X @ A + a) @ B + b, y)

        h = jax.jit(jax.hessian(L))
        return lambda: (None, [h(*P, X, y).block_until_ready()])
    if F == "W5d":
        X, y, V = j(D["X"]), j(D["y"]), [j(v) for v in D["V"]]
        h = jax.jit(lambda P, V, X, y: jax.jvp(lambda p: jax.grad(mlp2)(p, X, y), (P,), (V,))[1])

        def f():
            o = h(P, V, X, y)
            o[0].block_until_ready()
            o[-1].block_until_ready()
            return (None, o)

        return f


def to_numpy(o):
    r = [np.asarray(x) for x in o[1]]
    return r if o[0] is None else [np.asarray(o[0]), *r]
