"""The daemon: a gRPC front end that never blocks, and a worker process that paints.

Rooms, from the outside in: `command` (the command line), `daemon` (its life: lock, servers, signals), `endpoint` (the
files by which clients find it), `auth`, `stylize_servicer` and `admin_servicer` (the RPCs), `convert` (protobuf to
engine types and back; nowhere else), `uploads` and `images` (pictures coming in), `encode` (pictures going out),
`jobs` and `queue` (what is asked for), `supervisor` (the worker's keeper), `messages` and `pixelblocks` (what crosses
between the two processes), `worker` (the other process, the only one that imports torch), `viewer` (what it tells of a
painting), `device` and `warm_up` (the GPU or CPU that it has).
"""
