"""Prints the serialized FileDescriptorSet of the installed flyteidl2 wheel, imports first.

The wheel is the source of truth for the messages that the SDK sends; the npm package of the same name lags behind.
"""
import importlib
import pkgutil
import sys

import flyteidl2
from google.protobuf import descriptor_pb2


def add(descriptor, seen, out):
    if descriptor.name in seen:
        return
    seen.add(descriptor.name)
    for dependency in descriptor.dependencies:
        add(dependency, seen, out)
    descriptor.CopyToProto(out.file.add())


def main():
    out, seen = descriptor_pb2.FileDescriptorSet(), set()
    names = sorted(m.name for m in pkgutil.walk_packages(flyteidl2.__path__, "flyteidl2.") if m.name.endswith("_pb2"))
    for name in names:
        add(importlib.import_module(name).DESCRIPTOR, seen, out)
    sys.stdout.buffer.write(out.SerializeToString(deterministic=True))


main()
