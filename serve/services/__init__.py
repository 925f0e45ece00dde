"""The calls, one module for each proto service."""
