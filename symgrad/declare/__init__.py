"""How people write networks: the graph, Python objects, NumPy text, the vocabulary."""
