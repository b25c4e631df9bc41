"""A tanh classifier over a batch: softmax cross-entropy on one-hot rows, with weight decay."""

import symgrad as sg

B, d, h, c = sg.dims("B d h c")
X = sg.tensor("X", B, d)
Y = sg.tensor("Y", B, c, domain="onehot")
W1, b1 = sg.parameter("W1", d, h), sg.parameter("b1", h)
W2, b2 = sg.parameter("W2", h, c), sg.parameter("b2", c)
lam = sg.scalar("lam", domain="positive", latex=r"\lambda")

net = sg.Graph("classifier")
z1 = net.define("z1", X @ W1 + b1)
a1 = net.define("a1", sg.tanh(z1))
z2 = net.define("z2", a1 @ W2 + b2)
P = net.define("P", sg.softmax(z2))
L = net.define("L", -sg.sum(Y * sg.log(P)) / B)
net.define("J", L + lam / 2 * (sg.sum(W1**2) + sg.sum(W2**2)))

if __name__ == "__main__":
    print(sg.gradient(net))
    print()
    print(sg.check(net))
