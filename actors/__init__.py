"""The actors: ledgers with one writer each, the journals behind them, and the way to them.

`ledger` is the pure core; everything else here gives it time, durability, a process and an address.
"""
