"""The messages between gateways and actors, actors' names, and the interface for calling them."""
