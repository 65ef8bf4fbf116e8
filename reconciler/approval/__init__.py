"""Approves the serving certificates that proxiers ask for, and denies what only looks like it."""
