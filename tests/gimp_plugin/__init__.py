"""The GIMP plug-in without GIMP: its settings and arithmetic, its client against daemons, and its pixels and undo steps
against a model of GIMP (`gimp_stub`). What only a real GIMP can tell stands in `tests/gimp`."""
