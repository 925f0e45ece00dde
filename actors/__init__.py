"""What an actor's process runs, and the pure core.

core, calendar      what both kinds of ledger share; a shop's hours and pickup slots (pure)
shop, orders        the two kinds of ledger: a shop's stock, and the orders of customers (pure)
journal             where events become durable
runtime             what turns a ledger and a journal into a service: clock, group commit, host
protocol            what gateways and actors say to each other
*_actor             plain classes; `ray_actors` puts Ray on them
"""
