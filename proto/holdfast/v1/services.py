"""The services of holdfast.v1. Written by `make proto`."""

from typing import Final

from google.protobuf.descriptor import ServiceDescriptor

from holdfast.v1 import admin_service_pb2
from holdfast.v1 import allotment_service_pb2
from holdfast.v1 import contact_service_pb2
from holdfast.v1 import device_service_pb2
from holdfast.v1 import stock_service_pb2
from holdfast.v1 import event_service_pb2
from holdfast.v1 import notice_service_pb2
from holdfast.v1 import order_service_pb2
from holdfast.v1 import pick_service_pb2
from holdfast.v1 import pickup_service_pb2
from holdfast.v1 import reservation_service_pb2
from holdfast.v1 import shortfall_service_pb2
from holdfast.v1 import transfer_service_pb2

SERVICES: Final[tuple[ServiceDescriptor, ...]] = (
    admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"],
    allotment_service_pb2.DESCRIPTOR.services_by_name["AllotmentService"],
    contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"],
    device_service_pb2.DESCRIPTOR.services_by_name["DeviceService"],
    stock_service_pb2.DESCRIPTOR.services_by_name["StockService"],
    event_service_pb2.DESCRIPTOR.services_by_name["EventService"],
    notice_service_pb2.DESCRIPTOR.services_by_name["NoticeService"],
    order_service_pb2.DESCRIPTOR.services_by_name["OrderService"],
    pick_service_pb2.DESCRIPTOR.services_by_name["PickService"],
    pickup_service_pb2.DESCRIPTOR.services_by_name["PickupService"],
    reservation_service_pb2.DESCRIPTOR.services_by_name["ReservationService"],
    shortfall_service_pb2.DESCRIPTOR.services_by_name["ShortfallService"],
    transfer_service_pb2.DESCRIPTOR.services_by_name["TransferService"],
)
