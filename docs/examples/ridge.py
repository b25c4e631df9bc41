"""Ridge regression: its gradient, and the minimum where the gradient vanishes.

J = ‖X w − y‖²/(2n) + λ/2 ‖w‖², which is least at w = (XᵀX + nλI)⁻¹ Xᵀy
(Hastie, Tibshirani, Friedman: The Elements of Statistical Learning, section 3.4.1).
"""

import numpy as np

import symgrad as sg

n, d = sg.dims("n d")
X, y = sg.tensor("X", n, d), sg.tensor("y", n)
w = sg.parameter("w", d)
lam = sg.scalar("lam", domain="positive", latex=r"\lambda")

net = sg.Graph("ridge")
r = net.define("r", X @ w - y)
net.define("J", sg.sum(r**2) / (2 * n) + lam / 2 * sg.sum(w**2))

if __name__ == "__main__":
    derivation = sg.gradient(net)
    print(derivation)
    print()
    print(sg.check(net))

    v = net.sample(0, {"n": 20, "d": 3})
    v["w"] = np.linalg.solve(v["X"].T @ v["X"] + 20 * v["lam"] * np.eye(3), v["X"].T @ v["y"])
    worst = np.max(np.abs(derivation["w"].evaluate(v)))
    print(f"\nAt (XᵀX + nλI)⁻¹ Xᵀy no entry of ∂J/∂w is above 1e-14: {worst < 1e-14}")
