r"""The commands of LaTeX that formulas are made of: what each is, as tables."""

#: Commands that are letters; some are variants of one letter.
LETTERS = {
    rf"\{name}": rf"\{name}"
    for name in """
        alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau
        upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell
        hbar Re Im
    """.split()
} | {
    r"\varepsilon": r"\epsilon", r"\varphi": r"\phi", r"\vartheta": r"\theta",
    r"\varrho": r"\rho", r"\varsigma": r"\sigma", r"\varpi": r"\pi",
}  # fmt: skip

#: Commands that are functions by name; what they mean stands in calls.py.
OPERATORS = {
    rf"\{name}"
    for name in """
        exp log ln sin cos tan sinh cosh tanh arcsin arccos arctan max min det arg
    """.split()
}

ACCENTS = {
    r"\hat": "hat", r"\widehat": "hat", r"\bar": "bar", r"\overline": "bar", r"\tilde": "tilde",
    r"\widetilde": "tilde", r"\dot": "dot", r"\check": "check", r"\breve": "breve",
    r"\acute": "acute", r"\grave": "grave",
}  # fmt: skip

#: Commands that set what follows in another face. An upright or sans-serif T is a transpose, a bold
#: 1 is a vector of ones, an upright d a differential.
STYLES = {
    r"\mathbf": "bold", r"\boldsymbol": "bold", r"\bm": "bold", r"\bf": "bold", r"\vec": "bold",
    r"\symbf": "bold", r"\pmb": "bold", r"\mathbb": "blackboard", r"\mathds": "blackboard",
    r"\mathbbm": "blackboard", r"\mathcal": "script", r"\mathscr": "script",
    r"\mathfrak": "script", r"\mathrm": "upright", r"\mathsf": "upright", r"\mathtt": "upright",
    r"\rm": "upright", r"\mathit": "plain", r"\underline": "plain", r"\mathnormal": "plain",
}  # fmt: skip

#: Commands whose argument is a word.
WORDS = {
    r"\operatorname", r"\operatorname*", r"\text", r"\textrm", r"\textit", r"\textbf", r"\textsf",
    r"\texttt", r"\mbox", r"\mathop",
}  # fmt: skip

MARKS = {
    r"\sum": "sum", r"\prod": "prod", r"\partial": "partial", r"\nabla": "nabla",
    r"\top": "T", r"\intercal": "T", r"\transpose": "T", r"\tran": "T", r"\infty": "inf",
    r"\dagger": "pinv", r"\dots": "dots", r"\ldots": "dots", r"\cdots": "dots", r"\prime": "prime",
}  # fmt: skip

RELATIONS = {
    "=": "=", "==": "=", ":=": "=", r"\coloneqq": "=", r"\triangleq": "=", r"\equiv": "=",
    r"\leftarrow": "<-", r"\gets": "<-", "<": "lt", ">": "gt", r"\lt": "lt", r"\gt": "gt",
    r"\le": "le", r"\leq": "le", r"\leqslant": "le", "<=": "le", r"\ge": "ge", r"\geq": "ge",
    r"\geqslant": "ge", ">=": "ge", r"\ne": "ne", r"\neq": "ne", "!=": "ne", r"\in": "in",
}  # fmt: skip

PRODUCTS = {
    r"\odot": "hadamard", r"\circ": "hadamard", "*": "hadamard", r"\ast": "convolve",
    r"\cdot": "dot", r"\times": "dot", r"\bullet": "dot", r"\oslash": "divide",
    r"\star": "correlate", r"\otimes": "kron",
}  # fmt: skip

BRACKETS = {
    "(": ("LPAREN", True), ")": ("RPAREN", False), "[": ("LBRACK", True), "]": ("RBRACK", False),
    r"\{": ("LCURLY", True), r"\}": ("RCURLY", False), r"\lbrace": ("LCURLY", True),
    r"\rbrace": ("RCURLY", False), r"\langle": ("LANGLE", True), r"\rangle": ("RANGLE", False),
    r"\lvert": ("LBAR", True), r"\rvert": ("RBAR", False), r"\lVert": ("LNORM", True),
    r"\rVert": ("RNORM", False), r"\lbrack": ("LBRACK", True), r"\rbrack": ("RBRACK", False),
}  # fmt: skip

#: Bars, which open and close alike.
BARS = {"|": "BAR", r"\vert": "BAR", r"\|": "NORM", r"\Vert": "NORM", "||": "NORM"}

OPENING = {r"\left", r"\bigl", r"\Bigl", r"\biggl", r"\Biggl"}
CLOSING = {r"\right", r"\bigr", r"\Bigr", r"\biggr", r"\Biggr"}

#: Commands that say nothing about meaning.
SILENT = {
    r"\,", r"\;", r"\:", r"\!", r"\ ", r"\>", r"\/", r"\limits", r"\nolimits", r"\displaystyle",
    r"\textstyle", r"\scriptstyle", r"\scriptscriptstyle", r"\nonumber", r"\notag", r"\middle",
    r"\big", r"\Big", r"\bigg", r"\Bigg", r"\thinspace", r"\medspace", r"\bigm", r"\hfill",
    r"\mathstrut", r"\strut", r"\[", r"\]", r"\(", r"\)", "$", "$$", "~",
}  # fmt: skip

#: Commands that say nothing, with one argument.
SILENT_WITH = {r"\label", r"\tag", r"\hspace", r"\vspace", r"\phantom", r"\vphantom", r"\color",
               r"\mathrlap"}  # fmt: skip

SPACES = {r"\quad", r"\qquad"}

CASES = {"cases", "dcases", "cases*"}
MATRICES = {"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix"}
EQUATIONS = {
    name + star
    for name in "align aligned gather gathered equation split eqnarray multline displaymath math"
    .split()
    for star in ("", "*")
}  # fmt: skip

#: Signs that people paste in place of commands.
UNICODE = {
    "−": "-", "⊙": r"\odot", "∘": r"\circ", "·": r"\cdot", "×": r"\times", "⊘": r"\oslash",
    "⊗": r"\otimes", "∂": r"\partial", "∇": r"\nabla", "∑": r"\sum", "Σ": r"\Sigma", "∏": r"\prod",
    "ᵀ": r"^\top", "⊤": r"\top", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "∈": r"\in", "∞": r"\infty",
    "←": r"\leftarrow", "…": r"\dots", "⋆": r"\star", "∗": r"\ast", "′": "'", "’": "'",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\epsilon",
    "η": r"\eta", "θ": r"\theta", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "ν": r"\nu",
    "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "φ": r"\phi",
    "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega", "Θ": r"\Theta", "Λ": r"\Lambda", "Φ": r"\Phi",
    "Ω": r"\Omega", "Δ": r"\Delta", "ℓ": r"\ell", "²": "^2", "³": "^3",
}  # fmt: skip

#: Names of functions that people also type as plain letters before a bracket.
TYPED = set(
    """
    softmax sigmoid relu ReLU tanh exp log diag tr trace sum mean max min det vec sign softplus
    logsumexp abs sqrt norm sin cos rowsum colsum
    """.split()
)

#: Options of functions.
OPTIONS = {"axis", "keepdims"}
