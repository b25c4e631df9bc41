#sg symbols:
#sg   X: (n, d)
#sg   T: (n, d)
#sg parameters:
#sg   Wq: (d, d)
#sg   Wk: (d, d)
#sg   Wv: (d, d)
import numpy as np
def forward(X):
    d = X.shape[1]
    Q = X @ Wq
    K = X @ Wk
    V = X @ Wv
    S = Q @ K.T / np.sqrt(d)
    S = S - S.max(axis=-1, keepdims=True)
    E = np.exp(S)
    P = E / E.sum(axis=-1, keepdims=True)
    O = P @ V
    loss = 0.5 * np.mean((O - T) ** 2)
    cache = (X, Q, K, V, P, O)
    return loss, cache

def backward(cache):
    X, Q, K, V, P, O = cache
    n, d = X.shape
    dO = (O - T) / O.size
    dV = P.T @ dO
    dP = dO @ V.T
    dS = P * (dP - np.sum(dP * P, axis=-1, keepdims=True))
    dS /= np.sqrt(d)
    dQ = dS @ K
    dK = dS.T @ Q
    dWq = X.T @ dQ
    dWk = X.T @ dK
    dWv = X.T @ dV
    dX = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    return dWq, dWk, dWv
