"""Pulls the inventory repository and mirrors it into custom resources."""
