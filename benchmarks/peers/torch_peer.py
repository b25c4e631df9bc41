# ruff: noqa: E402, RET503
import os

import torch

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
import torch.nn.functional as Fn
from workloads import EPS, LAM


def mlp2(P, X, y):
    A, a, B, b = P
    return Fn.cross_entropy(torch.addmm(b, torch.relu(torch.addmm(a, X, A)), B), y) + LAM / 2 * (
        (A * A).sum() + (B * B).sum()
    )


def L_W1(P, X, y):
    A, a, B, b = P
    return Fn.binary_cross_entropy_with_logits(
        torch.addmm(b, torch.relu(torch.addmm(a, X, A)), B)[:, 0], y
    )


L_W2 = mlp2


def L_W3(P, X, T):
    h = X
    for l in range(len(P) // 2):
        h = torch.tanh(torch.addmm(P[2 * l + 1], h, P[2 * l]))
    return Fn.mse_loss(h, T)


def L_W4a(P, X, T):
    g, be, A, a, B, b = P
    Y = Fn.layer_norm(X, (X.shape[1],), g, be, EPS)
    return Fn.mse_loss(X + torch.addmm(b, Fn.gelu(torch.addmm(a, Y, A), approximate="tanh"), B), T)


def L_W4b(P, X, T, m):
    A, g, be, B, b = P
    V = Fn.batch_norm(X @ A, None, None, g, be, True, 0.1, EPS)
    return Fn.mse_loss(torch.addmm(b, Fn.softplus(V, threshold=50.0) * m, B), T)


def L_W4c(P, X):
    a, b = P
    return (torch.tanh(a * X + b) * torch.sigmoid(b * X)).mean()


def L_W6(P, X, y):
    K, kb, W, b = P
    return Fn.cross_entropy(
        torch.addmm(b, Fn.max_pool2d(torch.relu(Fn.conv2d(X, K, kb, padding=1)), 2).flatten(1), W),
        y,
    )


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
    t = torch.from_numpy
    P = [t(p.copy()).requires_grad_() for p in D["params"]]
    F = c.fam
    if F in ARGS:
        A = [t(D[k]) for k in ARGS[F]]
        L = globals()["L_" + F]
        if variant == "compile":
            torch._dynamo.reset()
            L = torch.compile(L, dynamic=False)

        def f():
            l = L(P, *A)
            return l, torch.autograd.grad(l, P)

        return f
    if variant:
        return None
    if F == "W5a":
        X, y = t(D["X"]), t(D["y"])
        h = torch.func.hessian(lambda w: Fn.softplus(-y * (X @ w), threshold=50.0).sum())
        w = P[0].detach()
        return lambda: (None, [h(w)])
    if F == "W5b":
        T, V = t(D["T"]), t(D["Vm"])
        h = torch.func.hessian(lambda U: ((T - U @ V.T) ** 2).sum())
        U = P[0].detach()
        return lambda: (None, [h(U)])
    if F == "W5c":
        X, y = t(D["X"]), t(D["y"])
        A, a, B, b = [p.detach() for p in P]
        h = torch.func.hessian(lambda A: Fn.cross_entropy(torch.tanh(X @ A + a) @ B + b, y))
        return lambda: (None, [h(A)])
    if F == "W5d":
        X, y, V = t(D["X"]), t(D["y"]), [t(v) for v in D["V"]]

        def f():
            g = torch.autograd.grad(mlp2(P, X, y), P, create_graph=True)
            return None, torch.autograd.grad(g, P, grad_outputs=V)

        return f


def to_numpy(o):
    r = [x.detach().numpy() for x in o[1]]
    return r if o[0] is None else [o[0].detach().numpy(), *r]
