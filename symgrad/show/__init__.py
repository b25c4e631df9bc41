"""What people and programs see of results: text that fits a terminal, records for JSON."""
