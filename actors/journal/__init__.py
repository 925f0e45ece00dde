"""Durable storage of events. `port` is the contract; each implementation is one module, and all pass the same tests.

A journal stores ledgers, epochs, sequences and bytes. `codec` encodes the bytes.
"""
