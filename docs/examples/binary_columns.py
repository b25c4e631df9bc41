"""Two inputs, three hidden units, one output; ReLU, sigmoid, binary cross-entropy; columns.

Each column of X is an example: Z¹ = W¹X + b¹, A¹ = max(Z¹, 0), Z² = W²A¹ + b², A² = σ(Z²),
J = −1/m Σ (Y log A² + (1 − Y) log(1 − A²))
(with the superscripts of the first course of the Deep Learning Specialization by A. Ng).
"""

import symgrad as sg

(m,) = sg.dims("m")
X = sg.tensor("X", 2, m)
Y = sg.tensor("Y", 1, m, domain="binary")
W1 = sg.parameter("W1", 3, 2, latex="W^{[1]}")
b1 = sg.parameter("b1", 3, 1, latex="b^{[1]}")
W2 = sg.parameter("W2", 1, 3, latex="W^{[2]}")
b2 = sg.parameter("b2", 1, 1, latex="b^{[2]}")

net = sg.Graph("binary_columns")
Z1 = net.define("Z1", W1 @ X + b1, latex="Z^{[1]}")
A1 = net.define("A1", sg.relu(Z1), latex="A^{[1]}")
Z2 = net.define("Z2", W2 @ A1 + b2, latex="Z^{[2]}")
A2 = net.define("A2", sg.sigmoid(Z2), latex="A^{[2]}")
net.define("J", sg.sum(sg.binary_cross_entropy(A2, Y)) / m)

if __name__ == "__main__":
    print(sg.gradient(net))
    print()
    print(sg.check(net))
