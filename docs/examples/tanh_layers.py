"""Any number of tanh layers over a batch, with the mean squared error."""

import symgrad as sg


def network(layers):
    """h₀ = X, hₗ = tanh(hₗ₋₁ Wₗ + bₗ), J = mean((h_L − T)²), for any number of layers."""
    n, d = sg.dims("n d")
    value, T = sg.tensor("X", n, d), sg.tensor("T", n, d)
    net = sg.Graph(f"tanh_layers_{layers}")
    for l in range(1, layers + 1):  # l is the layer, as in books
        W, b = sg.parameter(f"W{l}", d, d), sg.parameter(f"b{l}", d)
        z = net.define(f"z{l}", value @ W + b)
        value = net.define(f"h{l}", sg.tanh(z))
    net.define("J", sg.mean((value - T) ** 2))
    return net


net = network(3)

if __name__ == "__main__":
    print(sg.gradient(net))
    print()
    print(sg.check(net))
