"""The backward pass of batch normalisation, step by step."""
# sg symbols:
# sg   x: (N, D)
# sg   eps: () positive
# sg parameters:
# sg   gamma: (D)
# sg   beta: (D)

import numpy as np


def batchnorm_forward(x, gamma, beta, eps):
    N, D = x.shape
    mu = x.mean(axis=0)
    xmu = x - mu
    var = np.mean(xmu**2, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    out = gamma * xhat + beta
    return out, (xhat, gamma, xmu, ivar, sqrtvar, var, eps)


def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape

    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 / np.sqrt(var + eps) * dsqrtvar
    dxmu = dxhat * ivar + 2.0 / N * xmu * dvar
    dmu = -np.sum(dxhat * ivar, axis=0)
    dx = dxmu + dmu / N
    return dx, dgamma, dbeta
