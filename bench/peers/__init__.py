"""Services that others would use in place of Holdfast, measured beside it by `python -m bench grpc`."""
