"""What an actor's process runs, and the pure core.

core, calendar      shared by both kinds of ledger: policy, refusals, keys; a shop's hours and pickup slots (pure)
shop, orders        the two kinds of ledger: a shop's stock, and the orders of customers (pure)
journal             durable storage of events
runtime             hosts a ledger on a journal: clock, group commit, ledger host
protocol            messages between gateways and actors
*_actor             plain classes without Ray; `ray_actors` turns them into Ray actors
"""
