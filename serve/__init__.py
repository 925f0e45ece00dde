"""The front end: gRPC in, commands to the actors, answers out. It holds no authority and keeps no stock.

`app` puts Ray Serve on it; `gateway` is the deployment, one short method for each call; `reservations`, `stock`,
`events` and `admin` are its rooms; `validation` and `translation` are the only doors between wire and ledger.
"""
