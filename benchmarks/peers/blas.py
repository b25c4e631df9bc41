"""Direct BLAS from Numba: row-major gemm with alpha/beta/leading dimensions, syrk, gemv.

np.dot(a, b, out) inside Numba always does beta=0 on contiguous operands; these intrinsics call
scipy's cython_blas (the same OpenBLAS) with everything exposed.  Symbols are registered with
LLVM by name so functions using them stay cacheable (cache=True).
"""

import llvmlite.binding as llvm
import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import get_cython_function_address, intrinsic

for _n in ("dgemm", "sgemm", "dsyrk", "ssyrk", "dgemv", "sgemv"):
    llvm.add_symbol("sg_" + _n, get_cython_function_address("scipy.linalg.cython_blas", _n))

i8p, i32, i64 = ir.IntType(8).as_pointer(), ir.IntType(32), ir.IntType(64)


def _mk(name, fty, sig):
    """sig: string of c (char), i (int), s (scalar), p (data address)"""
    tmap = {"c": types.int32, "i": types.intp, "s": fty, "p": types.intp}
    argt = tuple(tmap[x] for x in sig)

    def codegen(cx, b, s, args):
        lls = ir.FloatType() if fty is types.float32 else ir.DoubleType()
        vals = []
        for k, v in zip(sig, args, strict=False):
            if k == "p":
                vals.append(b.inttoptr(v, i8p))
                continue
            t = {"c": ir.IntType(8), "i": i32, "s": lls}[k]
            if k in "ci":
                v = b.trunc(v, t)
            p = cgutils.alloca_once(b, t)
            b.store(v, p)
            vals.append(b.bitcast(p, i8p))
        fn = cgutils.get_or_insert_function(
            b.module, ir.FunctionType(ir.VoidType(), [i8p] * len(sig)), "sg_" + name
        )
        b.call(fn, vals)
        return cx.get_dummy_value()

    ns = {"codegen": codegen, "types": types, "argt": argt}
    al = ",".join(f"a{i}" for i in range(len(sig)))
    exec(f"def {name}_(tyctx,{al}): return types.void(*argt), codegen", ns)
    return intrinsic(ns[name + "_"])


def make(dt):
    dt = np.dtype(dt)
    f64 = dt == np.float64
    T = dt.type
    fty = types.float64 if f64 else types.float32
    pre = "d" if f64 else "s"
    _gemm = _mk(pre + "gemm", fty, "cciiispipispi")
    _syrk = _mk(pre + "syrk", fty, "cciispispi")
    _gemv = _mk(pre + "gemv", fty, "ciispipispi")
    N_, T_, U_ = ord("N"), ord("T"), ord("U")

    @nb.njit
    def nn(A, B, C, beta):  # C = A@B + beta*C
        _gemm(
            N_,
            N_,
            B.shape[1],
            A.shape[0],
            A.shape[1],
            T(1),
            B.ctypes.data,
            B.shape[1],
            A.ctypes.data,
            A.shape[1],
            T(beta),
            C.ctypes.data,
            C.shape[1],
        )

    @nb.njit
    def tn(A, B, C, beta):  # C = A.T@B + beta*C
        _gemm(
            N_,
            T_,
            B.shape[1],
            A.shape[1],
            A.shape[0],
            T(1),
            B.ctypes.data,
            B.shape[1],
            A.ctypes.data,
            A.shape[1],
            T(beta),
            C.ctypes.data,
            C.shape[1],
        )

    @nb.njit
    def nt(A, B, C, beta):  # C = A@B.T + beta*C
        _gemm(
            T_,
            N_,
            B.shape[0],
            A.shape[0],
            A.shape[1],
            T(1),
            B.ctypes.data,
            B.shape[1],
            A.ctypes.data,
            A.shape[1],
            T(beta),
            C.ctypes.data,
            C.shape[1],
        )

    @nb.njit
    def syrk_t(A, C):  # lower triangle (row-major) of C = A.T@A
        _syrk(
            U_,
            N_,
            C.shape[0],
            A.shape[0],
            T(1),
            A.ctypes.data,
            A.shape[1],
            T(0),
            C.ctypes.data,
            C.shape[1],
        )

    class B:
        pass

    o = B()
    o.nn, o.tn, o.nt, o.syrk_t = nn, tn, nt, syrk_t
    return o
