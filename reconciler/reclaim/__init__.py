"""Takes lent capacity back: the three instants of a closing window."""
