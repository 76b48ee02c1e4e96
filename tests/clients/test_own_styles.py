"""Promise: a picture is kept as a style under a name that never hides another, and is used by that name everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neuralstyle.v1.reasons import LocalExit, Reason
from stylize import own_styles
from stylize.client import Client
from stylize.errors import InputUnreadable, InvalidRequest, NotFound, OutputExists
from stylize.provenance import read_provenance

from .conftest import RunCli
from .photos import colours, encode
from .scripted_daemon import RunningDaemon

BUILT_IN = ["woodblock", "mosaic"]


@pytest.fixture
def picture(tmp_path: Path, home: Path) -> Path:
    path = tmp_path / "Monet (1872).jpeg"
    path.write_bytes(encode(colours(), "JPEG"))
    return path


def test_a_style_is_a_copy_under_its_name(picture: Path, home: Path) -> None:
    style = own_styles.add(picture, "monet", BUILT_IN)
    assert style.path == home / "styles" / "monet.jpg"
    assert style.path.read_bytes() == picture.read_bytes()
    assert own_styles.stored() == [style]
    own_styles.remove("monet")
    assert own_styles.stored() == []
    with pytest.raises(NotFound, match="no style monet"):
        own_styles.remove("monet")


def test_without_stylized_home_it_is_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STYLIZED_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert own_styles.folder() == tmp_path / "stylized" / "styles"


@pytest.mark.parametrize("name", ["", "Monet", "a b", "../up", "a/b", ".hidden", "-s", "ü", "a" * 65, "a.b"])
def test_a_name_that_could_lead_elsewhere_is_refused(picture: Path, name: str, home: Path) -> None:
    with pytest.raises(InvalidRequest, match="no name for a style"):
        own_styles.add(picture, name, BUILT_IN)
    assert not home.exists()


def test_a_built_in_name_stays_what_it_is(picture: Path) -> None:
    with pytest.raises(InvalidRequest, match="built-in"):
        own_styles.add(picture, "mosaic", BUILT_IN)
    with pytest.raises(InvalidRequest, match="stays"):
        own_styles.remove("mosaic", BUILT_IN)


def test_one_of_the_same_name_is_replaced_only_when_told(picture: Path, tmp_path: Path) -> None:
    own_styles.add(picture, "monet", BUILT_IN)
    other = tmp_path / "other.png"
    other.write_bytes(encode(colours(20, 20), "PNG"))
    with pytest.raises(OutputExists):
        own_styles.add(other, "monet", BUILT_IN)
    style = own_styles.add(other, "monet", BUILT_IN, overwrite=True)
    assert own_styles.stored() == [style]
    assert style.path.read_bytes() == other.read_bytes()


def test_what_is_no_picture_is_refused(tmp_path: Path, home: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputUnreadable, match="no picture"):
        own_styles.add(tmp_path / "notes.txt", "notes", BUILT_IN)
    assert own_styles.stored() == []


def test_python_and_the_command_line_know_it_by_name(
    picture: Path, client: Client, run_cli: RunCli, scripted: RunningDaemon, tmp_path: Path
) -> None:
    added = run_cli("styles", "add", picture, "--name", "monet")
    assert (added.returncode, "--style monet" in added.stderr) == (0, True)
    photo = tmp_path / "cat.png"
    photo.write_bytes(encode(colours(), "PNG"))
    path = client.stylize(photo, "monet").save(tmp_path / "out.png")
    (style,) = read_provenance(path).styles
    assert style.picture is not None
    assert style.picture.file == "monet.jpg"
    ended = run_cli("image", "cat.png", "--style", "monet")
    assert (ended.returncode, ended.stdout) == (0, "cat.monet.png\n")
    assert picture.read_bytes() in scripted.service.uploads.values()
    listed = json.loads(run_cli("styles", "--json").stdout)
    assert [(each["name"], each["own"]) for each in listed] == [
        ("woodblock", False),
        ("mosaic", False),
        ("monet", True),
    ]
    assert "monet.jpg" in run_cli("styles").stdout
    # One that is built in later wins over the user's.
    (tmp_path / "home" / "styles" / "mosaic.png").write_bytes(photo.read_bytes())
    client.stylize(photo, "mosaic").result()
    assert scripted.service.requests[-1].styles[0].name == "mosaic"
    assert run_cli("styles", "remove", "monet").returncode == 0
    lost = run_cli("image", "cat.png", "--style", "monet", "--overwrite")
    assert lost.returncode == Reason.UNKNOWN_STYLE.exit_code


def test_the_nearest_of_all_names_is_offered(picture: Path, run_cli: RunCli, scripted: RunningDaemon) -> None:
    own_styles.add(picture, "monet", BUILT_IN)
    ended = run_cli("image", picture, "--style", "monnet")
    assert "Did you mean monet? Styles are woodblock, mosaic, monet." in ended.stderr


def test_a_missing_file_is_told_without_a_daemon(run_cli: RunCli, home: Path) -> None:
    ended = run_cli("styles", "add", "missing.jpg", "--name", "monet")
    assert ended.returncode == LocalExit.INPUT_UNREADABLE
    assert not home.exists()
