#sg symbols:
#sg   x: (d)
#sg   h_prev: (h)
#sg   c_prev: (h)
#sg   y: (h)
#sg parameters:
#sg   Wf: (h, d+h)
#sg   Wi: (h, d+h)
#sg   Wc: (h, d+h)
#sg   Wo: (h, d+h)
#sg   bf: (h)
#sg   bi: (h)
#sg   bc: (h)
#sg   bo: (h)
import numpy as np

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

def forward(x, h_prev, c_prev):
    z = np.concatenate((x, h_prev))
    f = sigmoid(Wf @ z + bf)
    i = sigmoid(Wi @ z + bi)
    g = np.tanh(Wc @ z + bc)
    o = sigmoid(Wo @ z + bo)
    c = f * c_prev + i * g
    h_new = o * np.tanh(c)
    return h_new, c

def loss_fn(h_new, y):
    loss = 0.5 * np.sum((h_new - y) ** 2)
    return loss

def backward(z, f, i, g, o, c, h_new, y, c_prev):
    dh_new = h_new - y
    do = dh_new * np.tanh(c)
    dc = dh_new * o * (1 - np.tanh(c) ** 2)
    df = dc * c_prev
    di = dc * g
    dg = dc * i
    dWf = np.outer(df * f * (1 - f), z)
    dbf = df * f * (1 - f)
    dWi = np.outer(di * i * (1 - i), z)
    dWc = np.outer(dg * (1 - g ** 2), z)
    dWo = np.outer(do * o * (1 - o), z)
    dc_prev = dc * f
    dz = (Wf.T @ (df * f * (1 - f)) + Wi.T @ (di * i * (1 - i))
          + Wc.T @ (dg * (1 - g ** 2)) + Wo.T @ (do * o * (1 - o)))
    dh_prev = dz[len(x):]
    return dWf, dWi, dWc, dWo
