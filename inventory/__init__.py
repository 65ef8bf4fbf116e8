"""The inventory repository as a model: documents, rules, windows, quantities; it knows nothing of a running cluster."""
