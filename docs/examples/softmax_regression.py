"""Softmax regression: one linear layer, its probabilities named, cross-entropy on one-hot rows.

Z = X W + b, P = softmax(Z), J = −1/m Σ Y log P, and so ∂J/∂Z = (P − Y)/m
(Zhang, Lipton, Li, Smola: Dive into Deep Learning, section 4.1).
"""

import symgrad as sg

m, d, c = sg.dims("m d c")
X = sg.tensor("X", m, d)
Y = sg.tensor("Y", m, c, domain="onehot")
W, b = sg.parameter("W", d, c), sg.parameter("b", c)

net = sg.Graph("softmax_regression")
Z = net.define("Z", X @ W + b)
P = net.define("P", sg.softmax(Z))
net.define("J", -sg.sum(Y * sg.log(P)) / m)

if __name__ == "__main__":
    print(sg.gradient(net))
    print()
    print(sg.check(net))
