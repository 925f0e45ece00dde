"""Inputs that hypothesis draws, for every method of the service and for the actors' line: `python -m tests.fuzz`.

`requests` draws bytes for a method from its descriptor, `frames` what a connection to an actor sends. `targets` are a
gateway in this process and a service of its own, `world` is what stands there and what it is called. `findings` says
what may not happen, `run` drives it.
"""
