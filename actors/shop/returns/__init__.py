"""Goods that come back by receipt."""
