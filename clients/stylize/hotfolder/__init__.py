"""The hot folder: drop pictures into `in/`, collect their paintings from `out/`.

From the outside in:

    service     watches several folders in one process: scans, starts journeys, ends gracefully
    watched     one folder while it is watched: looks into it, starts journeys, hears of their outcomes
    lease       taking a folder for oneself: its lock and its ledger
    journey     one picture, from `in/` to its painting in `out/` and the original in `done/` or `failed/`
    outcomes    what becomes of a journey
    verdict     what an error means for a photo
    recovery    making good what a killed watcher left
    workplace   what the journeys of one folder share
    daemon      the connection to the painting daemon: waits for it, shares its seats among the journeys
    delivery    names in `out/`, `done/` and `failed/`, and files that appear whole or not at all
    ledger      what has become of each picture, so that a crash at any moment is made good
    scanner     what lies in `in/`; the truth, where file system events are only a hint (`wakeup`)
    stability   when a file has stood still for long enough to be taken
    preset_files   presets of the user's own, beside `style.toml`
    settings    `style.toml` and the pictures in `styles/`
    layout      the folders and files that make a hot folder
    filesystem  reading, writing and moving so that nothing is lost, overwritten or followed
    reports     what happens, as dataclasses, for whoever shows it
    timing      how patient a watcher is, and how much it asks for at a time
    preview     what would be done, for a dry run
    status      counts, rate and errors, from the ledger alone
    systemd     the text of a user unit

Promises: no picture is lost, painted twice, half-written or deleted, whatever is killed and when. Nothing is read from
or written to outside the folder. One bad picture never stops the rest.

Accepted: whoever may write into the folder is trusted not to swap its own subfolders for links at the instant in which
they are used; a file that is replaced between two looks, with equal size, time and inode, is not noticed.
"""
