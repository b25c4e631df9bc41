"""A support vector machine, its gradient in a loop over examples."""
#sg symbols:
#sg   X: (n, d)
#sg   y: (n) sign
#sg   C: () positive
#sg parameters:
#sg   w: (d)

import numpy as np


def cost(w):
    margins = y * (X @ w)
    return 0.5 * w @ w + C * np.mean(np.maximum(0, 1 - margins))


def gradient(w):
    dw = np.zeros_like(w)
    for i in range(len(y)):
        if y[i] * (X[i] @ w) < 1:
            dw += C * y[i] * X[i]
    return w + dw / len(y)
