"""Orders over several ledgers: the coordinator drives one, the reconciler carries on what was left."""
