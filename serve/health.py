"""Tells load balancers and `grpc_health_probe` whether a gateway and its services are served: `grpc.health.v1`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2 as hp

from holdfast.v1.services import SERVICES
from serve.wire import statuses

NAMES: Final = ("", *(service.full_name for service in SERVICES))  # "" is the whole gateway
WATCH_EVERY_S: Final = 1.0


class Health:
    """Serving until `drain`."""

    def __init__(self) -> None:
        self._draining = False

    def drain(self) -> None:
        self._draining = True

    def check(self, request: hp.HealthCheckRequest, context: Any) -> hp.HealthCheckResponse:
        """Check; NOT_FOUND for a service that is not ours."""
        if request.service not in NAMES:
            message = f"service {request.service!r} is not served here; ask for one of {', '.join(NAMES[1:])}"
            statuses.put(statuses.refused(grpc.StatusCode.NOT_FOUND, "SERVICE_UNKNOWN", message).status, context)
            return hp.HealthCheckResponse()
        return hp.HealthCheckResponse(status=self._status(request.service))

    async def watch(self, request: hp.HealthCheckRequest) -> AsyncIterator[hp.HealthCheckResponse]:
        """Watch: the status now, and each change."""
        sent = None
        while True:
            going = self._draining  # read first: the last status must be of that time
            status = self._status(request.service)
            if status != sent:
                yield hp.HealthCheckResponse(status=status)
                sent = status
            if going:  # whatever was asked about: a gateway that goes ends its streams
                return
            await asyncio.sleep(WATCH_EVERY_S)

    def list(self) -> Any:
        return hp.HealthListResponse(  # type: ignore[attr-defined]  # the stubs are older than the service
            statuses={service: hp.HealthCheckResponse(status=self._status(service)) for service in NAMES}
        )

    def _status(self, service: str) -> Any:
        if service not in NAMES:
            return hp.HealthCheckResponse.SERVICE_UNKNOWN
        return hp.HealthCheckResponse.NOT_SERVING if self._draining else hp.HealthCheckResponse.SERVING
