"""The normal form that decides equality: sums of products of indexed atoms.

Products of sums are multiplied out, [i = j] is eliminated, labels are canonical by refinement, and
functions are written in few: σ, tanh, softmax and their kin in exp; ReLU, |x|, maxima in [x > 0];
logarithms and quotients of what is left are atoms of their own normal form. Two relations are used
from left to right: m/s = (1 − r/s)/c for a sum s = c m + r with the leading product m, and the same
for the inverse of a matrix, M S⁻¹ = (I − R S⁻¹)/c (the push-through identity among others).

The form is sound: what it finds equal is equal wherever both are defined, off null sets such as the
kink of a ReLU. It is not complete: 1/((1 + x)(2 + x)) is not taken apart into partial fractions.
"""

from symgrad.simplify.normal.core import MOST_PRODUCTS, MOST_WORK, Normal, TooLarge, vanishes

__all__ = ["MOST_PRODUCTS", "MOST_WORK", "Normal", "TooLarge", "vanishes"]
