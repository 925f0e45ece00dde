"""Proof of what Holdfast promises, by tier: core, journal, host, simulation, cluster, house."""
