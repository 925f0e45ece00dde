"""The way from a ledger to its actor: routing, batching, retries."""
