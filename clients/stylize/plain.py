"""Messages of the contract as plain values for JSON: names as in the contract, choices as users write them.

Times are seconds, moments ISO 8601 in UTC, pictures are left out, and a message that is not there is None.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from neuralstyle.v1 import stylize_pb2 as pb
from stylize.tunables import choice_name, plain_tunables


def plain_message(message: Message) -> dict[str, Any]:
    """All fields of `message`, those with default values too."""
    return {
        field.name: _plain_field(message, field)
        for field in message.DESCRIPTOR.fields
        if field.type != field.TYPE_BYTES
    }


def _plain_field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_plain_value(field, item) for item in value]
    if field.message_type is not None and not message.HasField(field.name):
        return None
    return _plain_value(field, value)


def _plain_value(field: Any, value: Any) -> Any:
    if field.enum_type is not None:
        return choice_name(field.enum_type, value)
    if isinstance(value, Duration):
        return value.ToTimedelta().total_seconds()
    if isinstance(value, Timestamp):
        return value.ToJsonString()
    if isinstance(value, pb.Tunables):
        return plain_tunables(value)
    return plain_message(value) if isinstance(value, Message) else value
