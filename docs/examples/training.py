"""Training over flat vectors: gradient descent, momentum and Adam, with clipped gradients.

The parameters of a module are one vector θ, and so is their gradient g: an optimiser is a line or
two whatever the network, θ ← θ − η g. The network is that of mlp_relu.py, the data a spiral.
"""

import numpy as np
from mlp_relu import net

import symgrad as sg
from symgrad.train import SGD, Adam, batches, clip, health, initialise

rng = np.random.default_rng(0)
y = np.repeat(np.arange(3), 100)  # three arms of a hundred points
angle = np.tile(np.linspace(0, 4, 100), 3) + 2 * np.pi / 3 * y + rng.normal(0, 0.1, 300)
X = np.tile(np.linspace(0, 1, 100), 3)[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1)
lam = 1e-4

module = sg.compile(net)
start = initialise(net, {"n": 2, "h": 64, "c": 3}, "he")

for optimiser in (SGD(0.5), SGD(0.2, momentum=0.9), Adam(0.01)):
    params = module.pack(start)
    work = module.workspace(params, X[:50], y[:50], lam)
    longest = 0.0
    for epoch in range(200):
        for picked in batches(300, 50, np.random.default_rng(epoch)):
            loss, grads = module.value_and_grad(params, X[picked], y[picked], lam, workspace=work)
            longest = max(longest, clip(grads.flat, 0.5))
            optimiser.step(params.flat, grads.flat)
    right = np.mean(module.predict(params, X).argmax(1) == y)
    print(f"{optimiser}: {right:.0%} right; the longest gradient had norm {longest:.2f}")

loss, grads = module.value_and_grad(params, X, y, lam)
print()
print(health(net, grads, params, {"X": X, "y": y, "lam": lam}))
