"""Why things are as they are: the reconciler's own rules, run on what can be seen, step by step."""
