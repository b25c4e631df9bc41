"""The table of rewrite rules and the engine that applies them."""
