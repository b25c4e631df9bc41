"""From index notation to matrix notation: LaTeX, Unicode, NumPy text."""
