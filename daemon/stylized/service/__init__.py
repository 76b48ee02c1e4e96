"""The daemon: a gRPC front end that never blocks, and worker processes that paint, one on each device or several.

Rooms, from the outside in: `command` (the command line), `daemon` (its life: lock, servers, signals), `endpoint` (the
files by which clients find it), `auth`, `stylize_servicer` and `admin_servicer` (the RPCs), `convert` (protobuf to
engine types and back; nowhere else), `uploads` and `images` (pictures coming in), `encode` (pictures going out),
`jobs` and `queue` (what is asked for), `supervisor` (which worker does what, and when), `station` and `job_run` (one
worker's keeper), `footprint` (what fits beside what), `orders`, `messages` and `pixelblocks` (what crosses to a worker
and back), `worker` (the other process, the only one here that imports torch, with `viewer`, what it tells of a
painting, `device` and `warm_up`, the GPU or CPU that it has, `states` and `decoded`).
"""
