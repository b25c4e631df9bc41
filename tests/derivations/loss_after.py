#sg symbols:
#sg   X: (n, d)
#sg   y: (n) binary
#sg parameters:
#sg   w: (d)
import numpy as np
for epoch in range(100):
    z = X @ w
    p = 1 / (1 + np.exp(-z))
    dz = (p - y) / len(y)
    dw = X.T @ dz
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    print(epoch, loss)
    w -= 0.1 * dw
