"""The services of holdfast.v1, by their descriptors: what is registered and what health knows."""

from typing import Final

from google.protobuf.descriptor import ServiceDescriptor

from holdfast.v1 import (
    admin_service_pb2,
    event_service_pb2,
    order_service_pb2,
    reservation_service_pb2,
    stock_service_pb2,
)

SERVICES: Final[tuple[ServiceDescriptor, ...]] = tuple(
    service
    for module in (reservation_service_pb2, order_service_pb2, stock_service_pb2, event_service_pb2, admin_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
)
