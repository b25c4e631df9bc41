"""Reading claims in NumPy's syntax: symbolically where possible, else by running them."""
