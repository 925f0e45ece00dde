"""Faults against a service of its own, and what held."""
