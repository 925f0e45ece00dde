"""Where events become durable. `port` is the contract; one module for each journal that keeps it; one exam for all.

A journal knows ledgers, epochs, sequences and bytes. What the bytes say is `codec`'s business.
"""
