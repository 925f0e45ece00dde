"""Calls from gateways to actors over TCP. Ray hands out the addresses; see ADR 0023."""
