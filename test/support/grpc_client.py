"""A gRPC client that is not ours: Debian's grpcio, which learns messages and methods by reflection alone.

Reads lines of JSON from stdin, writes one line of JSON for each; argv: address, token, principal.
  {"call": method, "request": {...}, "metadata": {...}, "timeout": s}   -> {"ok": {...}} or {"code": name, "details": text, "trailers": {...}}
  {"subscribe": {...}}                                                  -> {"started": {...}} or the failure
  {"next": true}                                                        -> {"event": {...}} or the failure that ended the stream
  {"cancel": true}                                                      -> {"code": name}
"""
import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

address, token, principal = sys.argv[1:4]
channel = grpc.insecure_channel(address)
credential = [("authorization", "Bearer " + token), ("callboard-principal", principal)]
SERVICE = "callboard.v1.GatewayService"


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(data):
    """The length-delimited fields of a message, as (number, bytes); others are passed over."""
    at = 0
    while at < len(data):
        key = shift = 0
        while True:
            byte = data[at]
            at += 1
            key |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        if key & 7 == 2:
            yield key >> 3, data[at:at + size]
            at += size


def reflected():
    """Files that define the service, by grpc.reflection.v1alpha: a request of field 4 (file_containing_symbol)."""
    ask = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", request_serializer=None, response_deserializer=None)
    name = SERVICE.encode()
    answers = ask(iter([b"\x22" + varint(len(name)) + name]), metadata=credential)
    answer = dict(fields(next(answers)))
    return [data for number, data in fields(answer[4]) if number == 1]


pool = descriptor_pool.DescriptorPool()
for data in reversed(reflected()):
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(data))
methods = pool.FindServiceByName(SERVICE).methods_by_name
make = message_factory.MessageFactory(pool).GetPrototype


def stub(name):
    method = methods[name]
    kind = channel.unary_stream if method.name == "Subscribe" else channel.unary_unary
    return kind(f"/{SERVICE}/{name}", request_serializer=lambda each: each.SerializeToString(), response_deserializer=make(method.output_type).FromString), make(method.input_type)


def shown(message):
    return json_format.MessageToDict(message)


def failure(error):
    trailers = {key: value if isinstance(value, str) else value.hex() for key, value in error.trailing_metadata() or ()}
    return {"code": error.code().name, "details": error.details(), "trailers": trailers}


def handle(job):
    global stream
    try:
        if "call" in job:
            call, kind = stub(job["call"])
            own = job.get("metadata", {})
            metadata = [each for each in credential if each[0] not in own] + list(own.items())
            return {"ok": shown(call(json_format.ParseDict(job["request"], kind()), metadata=metadata, timeout=job.get("timeout", 30)))}
        if "subscribe" in job:
            call, kind = stub("Subscribe")
            stream = call(json_format.ParseDict(job["subscribe"], kind()), metadata=credential)
            started = dict(stream.initial_metadata())
            # Without a message the library gives empty metadata, and the status says why.
            return {"started": started} if "callboard-client" in started else failure(stream)
        if "next" in job:
            return {"event": shown(next(stream))}
        stream.cancel()
        return {"code": stream.code().name}
    except grpc.RpcError as error:
        return failure(error)


stream = None
print(json.dumps({"methods": sorted(methods)}), flush=True)
for line in sys.stdin:
    print(json.dumps(handle(json.loads(line))), flush=True)
