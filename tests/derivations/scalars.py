#sg symbols:
#sg   x1: ()
#sg   x2: ()
#sg parameters:
#sg   w1: ()
#sg   w2: ()
#sg   b: ()
import math
n1 = x1 * w1
n2 = x2 * w2
s = n1 + n2
n = s + b
e = math.exp(2 * n)
o = (e - 1) / (e + 1)
do = 1.0
de = 2 / (e + 1) ** 2
dn = 1 - o ** 2
db = dn
ds = dn
dn1 = ds
dw1 = dn1 * x1
dw2 = ds * x2
dx1 = dn1 * w1
