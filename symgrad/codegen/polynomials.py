"""The polynomials inside the elementary functions: coefficients, and how they are written.

Coefficients are minimax fits at 60 digits; what they and their rounding leave is less than 0.3 of
half the distance of the floats at 1.
"""

#: Name -> dtype -> numbers, the highest power first.
POLYNOMIALS: dict[str, dict[str, tuple[float, ...]]] = {
    "exp": {  # (eʳ − 1 − r)/r² in r on |r| ≤ 1.005 (log 2)/2, weighted by |r|
        "float64": (
            2.0924780291591625e-09, 2.5109613446352207e-08, 2.755724167075968e-07,
            2.75572426721467e-06, 2.4801587361831588e-05, 0.00019841269887525167,
            0.0013888888888866188, 0.008333333333321135, 0.041666666666666706,
            0.16666666666666677, 0.5,
        ),
        "float32": (
            0.00019911923727251155, 0.0013941612165293488, 0.008333277267775038,
            0.04166634692246889, 0.1666666679847439, 0.5000000048412657,
        ),
    },
    "log": {  # 2 (artanh(s)/s − 1)/s² in z = s² on [0, 0.02945]
        "float64": (
            0.1308723619665962, 0.13268714792348096, 0.15386241881938595, 0.18181795600060793,
            0.22222222392089008, 0.28571428570801954, 0.4000000000000088, 0.6666666666666666,
        ),
        "float32": (0.2333096405177204, 0.2855080255327671, 0.4000012200081688, 0.6666666655430018),
    },
    "erf": {  # erf(x)/x − 1 in x² on [0, 1]
        "float64": (
            -7.801042449430018e-10, 1.3722894269231542e-08, -1.6209156052537177e-07,
            1.6447514954988959e-06, -1.4924744431050366e-05, 0.00012055295307735186,
            -0.000854832598924545, 0.005223977607413484, -0.026866170643274925,
            0.11283791670945245, -0.3761263890318355, 0.12837916709551256,
        ),
        "float32": (
            7.888762098660115e-05, -0.0008020732961334851, 0.005189523001224847,
            -0.02685443809340135, 0.11283600020811275, -0.37612627122267, 0.12837916591177018,
        ),
    },
    "erfc": {  # log(erfc(x))/x in x on [1, 6] (float32: [1, 4]), weighted by x erfc(x)
        "float64": (
            1.5068191003490732e-12, -6.697131077389146e-11, 1.3936777085236495e-09,
            -1.8031862292679984e-08, 1.6225258130498197e-07, -1.0737232972124402e-06,
            5.366175959161032e-06, -2.0287475674577087e-05, 5.5870796503437464e-05,
            -9.513955969210611e-05, 4.0919959498010854e-07, 0.0005753812100254159,
            -0.0016933223168974537, 0.00021257186371396504, 0.01912467085530737,
            -0.10277071582159097, -0.6366202786389344, -1.128379108047198,
        ),
        "float32": (
            0.0002101908337393799, -0.0031831691719324483, 0.022786192769524705,
            -0.10509676429257478, -0.6358463642363199, -1.128475579642879,
        ),
    },
}  # fmt: skip


def powers(name: str, dtype: str) -> dict[str, float]:
    """The coefficients of a polynomial by name, the highest power first: exp_2, exp_1, exp_0."""
    table = POLYNOMIALS[name][dtype]
    return {f"{name}_{len(table) - 1 - n}": coefficient for n, coefficient in enumerate(table)}


def horner(dtype: str, indent: str, result: str, name: str, argument: str) -> str:
    """A polynomial by Horner's rule on even and odd powers, two chains that do not wait in line."""
    square, names = f"{argument}2", [*powers(name, dtype)]
    first, second = ("odd", "even") if len(names) % 2 == 0 else ("even", "odd")
    lines = [f"{square} = {argument} * {argument}", f"{first}, {second} = {names[0]}, {names[1]}"]
    lines += [
        f"{first}, {second} = {first} * {square} + {a}, {second} * {square} + {b}"
        for a, b in zip(names[2::2], names[3::2], strict=False)
    ]
    last = "even" if first == "odd" else f"even * {square} + {names[-1]}"
    lines.append(f"{result} = {last} + odd * {argument}")
    return "\n".join(indent + line for line in lines)
