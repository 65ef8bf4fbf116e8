"""How much will be lent, hour by hour: evaluated with the reconciler's own functions, drawn for terminals and browsers; pure but for live.py."""
