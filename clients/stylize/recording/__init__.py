"""Recording how a painting forms: numbered pictures, a film, the course of the losses.

    with Client.connect() as client, Timelapse("cat.mp4") as film, LossPlot("cat.loss.png") as plot:
        with client.stylize("cat.jpg", "oil", preview=1024, preview_every=film.every) as job:
            for event in job:
                film.take(event)
                plot.take(event)
        job.save("cat.png")

A recorder is fed the events of one job, of whichever client, and leaves its files when its `with` block ends, also
after an error: what was recorded until then is kept. Files are written under another name and renamed, so that none is
ever seen half-written, and replace nothing unless they are told to. Whether a place can be written and what is needed
is installed is checked when a recorder is made, before hours of painting.

The rooms: `recorder` (what all have in common), `steps` (numbered pictures), `timelapse` (the film) with `film_files`
(the kinds of file), `losses` (the table) and `loss_plot`; `extras` tells what to install. Frames are previews as
everywhere: of at most 1024 pixels, and one that cannot be delivered in time is left out, since no viewer slows the
painting; `notes` tells how many were.
"""

from stylize.recording.loss_plot import LossPlot
from stylize.recording.losses import LossTable
from stylize.recording.recorder import Recorder, Recording
from stylize.recording.steps import StepPictures
from stylize.recording.timelapse import Timelapse

__all__ = ["LossPlot", "LossTable", "Recorder", "Recording", "StepPictures", "Timelapse"]
