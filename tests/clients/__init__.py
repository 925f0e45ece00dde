"""Clients against a fake service: a real gRPC server in this process with a small ledger behind it."""
