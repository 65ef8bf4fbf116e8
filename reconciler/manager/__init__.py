"""Validates bindings and supervises one Bridge for each of them."""
