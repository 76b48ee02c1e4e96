"""Putting the GIMP plug-in where GIMP finds it, taking it away, and finding out why it does not work.

`programs` and `profiles` find the GIMPs of this user, `bundle` assembles the folder that GIMP is given, `manifest` is
what that folder says about itself, `installer` puts it in place and removes it, `doctor` checks all of it. The plug-in
itself (`gimp_plugin/neural-style` in the source tree) is copied, never imported: it runs in GIMP's own Python.
"""

PLUG_IN = "neural-style"
"""Name of the plug-in's folder. GIMP wants the script in it to have the same name."""
SCRIPT = f"{PLUG_IN}.py"
PLUG_INS = "plug-ins"
"""The folder in a profile of GIMP that holds one folder for each plug-in."""
MENU = "Filters > Neural Style"
