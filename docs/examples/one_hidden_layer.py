"""One hidden layer, one example, columns: the derivation of a textbook, first for any φ and l.

z = W⁽¹⁾x, h = φ(z), o = W⁽²⁾h, L = l(o, y), s = λ/2 (‖W⁽¹⁾‖² + ‖W⁽²⁾‖²), J = L + s
(Zhang, Lipton, Li, Smola: Dive into Deep Learning, section 5.3).
"""

import symgrad as sg

d, h, q = sg.dims("d h q")


def network(phi, loss, name="one_hidden_layer"):
    """The graph, for a given activation and loss."""
    x, y = sg.tensor("x", d), sg.tensor("y", q)
    W1 = sg.parameter("W1", h, d, latex="W^{(1)}")
    W2 = sg.parameter("W2", q, h, latex="W^{(2)}")
    lam = sg.scalar("lam", domain="positive", latex=r"\lambda")
    net = sg.Graph(name)
    z = net.define("z", W1 @ x)
    a = net.define("h1", phi(z), latex="h")
    o = net.define("o", W2 @ a)
    L = net.define("L", loss(o, y))
    s = net.define("s", lam / 2 * (sg.sum(W1**2) + sg.sum(W2**2)))
    net.define("J", L + s)
    return net


#: For any activation φ and any loss l: φ' and ∂l/∂o stay as they are.
general = network(sg.function("phi"), sg.function("l", shape=()))

#: With tanh and half the squared error, which can be computed.
net = network(sg.tanh, lambda o, y: sg.sum((o - y) ** 2) / 2)

if __name__ == "__main__":
    print(sg.gradient(general))
    print()
    print(sg.gradient(net))
    print()
    print(sg.check(net))
