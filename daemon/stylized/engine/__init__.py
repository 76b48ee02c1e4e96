"""Optimisation-based neural style transfer: pixels in, typed events out.

The engine opens no file or socket, reads no clock and prints nothing. In reading order:

    layers, parameters, presets, schedule            what can be asked for; free of torch, so that a front end can
                                                     check a request in milliseconds
    memory, tiles, fitting                           what it takes, and how it is cut to fit; free of torch too
    network, losses, layer_losses, objective         what is minimised; tiled_objective: in blocks
    precision, backends, resample, optimizers        how
    lane, recorder, stepping, looks                  beside a device that runs ahead of the host
    stylize                                          the generator that ties them together

What it leaves out, since a GPU refuses it, is a line for `logging`.
"""
