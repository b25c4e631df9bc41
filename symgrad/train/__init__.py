"""Training: data, mini-batches, optimisers over flat vectors, and the demo."""
