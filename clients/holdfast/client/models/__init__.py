"""The service's messages as immutable values, one module a noun: the value, its docs, and its converter.

Times are integer milliseconds (`_ms`), quantities are units of stock, and enums are those of the wire. An enum number
that is newer than this client becomes UNSPECIFIED.
"""
