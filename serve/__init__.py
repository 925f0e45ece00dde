"""What a gateway's process runs: gRPC in, commands to the actors, answers out. It holds no stock.

app, gateway, calls       the composition root, the deployment, and how a call is served in it
services                  one module for each proto service, which lists its calls
wire                      protobuf to commands and answers and back; checks of shape; reasons to statuses
routing                   from a ledger to its actor, the batcher, the one owner of retries
coordination              orders over several ledgers: coordinator and reconciler
sourcing                  ranking shops for an order
config                    settings, the chain file, Serve's switches
pages                     a process of its own, which is a client: pages for shops' tablets
"""
