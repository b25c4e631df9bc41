"""A ReLU network over a batch: softmax cross-entropy on integer labels; biases do not decay.

Z₁ = X W₁ + b₁, A₁ = max(Z₁, 0), Z₂ = A₁ W₂ + b₂, L the mean of −log softmax(Z₂) at the labels y,
J = L + λ/2 (‖W₁‖² + ‖W₂‖²)
(Goodfellow, Bengio, Courville: Deep Learning, sections 6.5.7 and 7.1.1).
"""

import symgrad as sg

m, n, h, c = sg.dims("m n h c")
X = sg.tensor("X", m, n)
y = sg.tensor("y", m, domain="labels:c")
W1, b1 = sg.parameter("W1", n, h), sg.parameter("b1", h)
W2, b2 = sg.parameter("W2", h, c), sg.parameter("b2", c)
lam = sg.scalar("lam", domain="positive", latex=r"\lambda")

net = sg.Graph("mlp_relu")
Z1 = net.define("Z1", X @ W1 + b1)
A1 = net.define("A1", sg.relu(Z1))
Z2 = net.define("Z2", A1 @ W2 + b2)
L = net.define("L", sg.mean(sg.cross_entropy(Z2, y)))
net.define("J", L + lam / 2 * (sg.sum(W1**2) + sg.sum(W2**2)))

if __name__ == "__main__":
    print(sg.gradient(net))
    print()
    print(sg.check(net))
