"""What the service says, as plain immutable values: times in integer milliseconds, enums with the wire's numbers.

Nothing here knows protobuf or gRPC; `holdfast.client.wire` translates.
"""
