"""An autoencoder with tied weights: W encodes, Wᵀ decodes, and both paths add up in ∂J/∂W.

Z = X W + b, H = σ(Z), X̂ = H Wᵀ + c, J = ‖X̂ − X‖²/(2m)
(Vincent, Larochelle, Lajoie, Bengio, Manzagol: Stacked Denoising Autoencoders, JMLR 2010).
"""

import symgrad as sg

m, d, h = sg.dims("m d h")
X = sg.tensor("X", m, d)
W = sg.parameter("W", d, h)
b, c = sg.parameter("b", h), sg.parameter("c", d)

net = sg.Graph("autoencoder")
Z = net.define("Z", X @ W + b)
H = net.define("H", sg.sigmoid(Z))
R = net.define("R", H @ W.T + c, latex=r"\hat X")
net.define("J", sg.sum((R - X) ** 2) / (2 * m))

if __name__ == "__main__":
    print(sg.gradient(net))
    print()
    print(sg.check(net))
