"""What the pages' process runs: HTTP in, calls of the public API out. It is a client of the service like any other, and
knows nothing else of it: a page that fails ends no gateway.

application, __main__     the pages by their paths, and their process
guard                     what every request and every answer goes through
doorkeeper                who is let in: devices, by their tokens
live                      streams to pages that are open
tablet, boards            a shop's pick tasks, and each step of one
rendering                 templates and messages, in the reader's language
"""
