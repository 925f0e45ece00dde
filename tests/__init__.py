"""Proof of what Holdfast promises, by the tiers of `conftest`: core, journal, host, simulation, cluster, house."""
