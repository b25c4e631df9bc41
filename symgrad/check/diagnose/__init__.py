"""Finding the mistake in a wrong claim."""
