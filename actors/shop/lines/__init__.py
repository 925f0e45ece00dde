"""Waiting in line for a SKU: who waits, who is served next, and when."""
