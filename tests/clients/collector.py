"""A collector that takes OpenTelemetry spans over OTLP/HTTP and keeps them."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from program import wait_until


class Collector:
    def __init__(self):
        self.spans = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def span(self, wanted):
        """The first span, with the attributes of its resource, for which `wanted` is true."""
        return wait_until(lambda: next((pair for pair in list(self.spans) if wanted(pair[0])), None), "no such span")

    def _take(self, body: bytes):
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = attributes(of_resource.resource)
            self.spans += [(span, resource) for of_scope in of_resource.scope_spans for span in of_scope.spans]

    def _handler(self):
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                found = self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
                if found:
                    packed = self.headers["content-encoding"] == "gzip"
                    collector._take(gzip.decompress(body) if packed else body)
                self.send_response(200 if found else 404)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler


def attributes(owner) -> dict:
    """The attributes of a span or resource, as Python has them."""
    return {attribute.key: value_of(attribute.value) for attribute in owner.attributes}


def value_of(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    return getattr(value, kind)
