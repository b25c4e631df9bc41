#sg symbols:
#sg   X: (n, d)
#sg   y: (n, c) onehot
#sg parameters:
#sg   W: (d, c)
#sg   b: (c)
import numpy as np
class Linear:
    def __init__(self, d, c):
        self.W = np.random.randn(d, c)
        self.b = np.zeros(c)
    def forward(self, X):
        self.X = X
        self.Z = X @ self.W + self.b
        self.P = self.softmax(self.Z)
        return self.P
    def softmax(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
    def compute_loss(self, y):
        return -np.sum(y * np.log(self.P)) / len(y)
    def backward(self, y):
        dZ = (self.P - y) / len(y)
        self.dW = self.X.T @ dZ
        self.db = dZ.sum(axis=0)
    def step(self, lr):
        self.W -= lr * self.dW
        self.b -= lr * self.db
