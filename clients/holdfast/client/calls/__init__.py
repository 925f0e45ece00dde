"""The calls of `ChannelClient`, one module per noun.

Each is a function whose first argument is the client; the class binds them as its methods, so that its face is flat and
its rooms are small.
"""
