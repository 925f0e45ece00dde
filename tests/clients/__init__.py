"""Clients and the command against the real gateway in this process, with faults between them."""
