"""The standard health service, `grpc.health.v1`: what load balancers and `grpc_health_probe` ask."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2 as hp

from serve import registration
from serve.wire import statuses
from serve.wire.statuses import Status

WATCH_EVERY_S: Final = 1.0

SERVICES: Final = ("", *(service.full_name for service in registration.SERVICES))  # "" is the whole gateway


class Health:
    """Serving until `drain`."""

    def __init__(self) -> None:
        self._draining = False

    def drain(self) -> None:
        """Say NOT_SERVING from here on."""
        self._draining = True

    def check(self, request: hp.HealthCheckRequest, context: Any) -> hp.HealthCheckResponse:
        """Check; NOT_FOUND for a service that is not ours."""
        if request.service not in SERVICES:
            message = f"service {request.service!r} is not served here; ask for one of {', '.join(SERVICES[1:])}"
            statuses.put(Status(grpc.StatusCode.NOT_FOUND, message, "SERVICE_UNKNOWN"), context)
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
        """List."""
        return hp.HealthListResponse(  # type: ignore[attr-defined]  # the stubs are older than the service
            statuses={service: hp.HealthCheckResponse(status=self._status(service)) for service in SERVICES}
        )

    def _status(self, service: str) -> Any:
        if service not in SERVICES:
            return hp.HealthCheckResponse.SERVICE_UNKNOWN
        return hp.HealthCheckResponse.NOT_SERVING if self._draining else hp.HealthCheckResponse.SERVING
