"""The contract between the daemon and its clients, version 1.

`stylize_pb2`, `admin_pb2` and their `_grpc` twins are generated from the `.proto` files beside them (`make proto`) and
committed. Two modules hold what a `.proto` file cannot say: `reasons` (the table of error reasons) and `endpoint`
(where a daemon is found). Everything may import this package; it imports neither the daemon nor the clients.
"""
