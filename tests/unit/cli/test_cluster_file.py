"""The cluster file: what is read, what is refused, and that writing it loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster._core.errors import AskedWrongly
from quaymaster.cli.cluster_file import (
    Cluster,
    embedded_cluster,
    is_loopback,
    parse_controllers,
    read_cluster,
    write_cluster,
)

LOOPBACK = "[broker]\ndirectory='d'\n[[controllers]]\nname='a'\ndirectory='x'\nplant='loopback'\nloopback="
ROOT = Path(__file__).resolve().parents[3]


def test_the_shipped_cluster_file_is_read() -> None:
    """deploy/cluster.toml, which users copy, is valid."""
    cluster = read_cluster(ROOT / "deploy" / "cluster.toml")
    assert [entry.name for entry in cluster.controllers] == ["con1", "con2"]


def test_controllers_with_the_same_plant_are_alike() -> None:
    """Those of an embedded cluster all are, whatever their types; the two of deploy/cluster.toml are not."""
    made = embedded_cluster("a,b:opx1000=1:lf,c", Path("state"), 9510, noise=1e-6)
    assert made.alike(made.controller("b")) == ["a", "c"]
    shipped = read_cluster(ROOT / "deploy" / "cluster.toml")
    assert [shipped.alike(entry) for entry in shipped.controllers] == [[], []]


def test_controllers_in_one_word() -> None:
    """The form of --controllers: types default to opx+, FEM slots follow after commas."""
    assert parse_controllers("con1:opx+,con2:opx1000=1:lf,2:mw") == [
        ("con1", "opx+", {}),
        ("con2", "opx1000", {"1": "lf", "2": "mw"}),
    ]
    assert parse_controllers("a") == [("a", "opx+", {})]


@pytest.mark.parametrize("text", ["broker", "con1,up", ".", "..", "con1:opx1000=1:lf,1:mw"])
def test_controllers_that_would_be_in_the_way_are_refused(text: str) -> None:
    """Names of what is beside them in the folder of `up`, and two FEMs in one slot."""
    with pytest.raises(AskedWrongly) as caught:
        embedded_cluster(text, Path("state"), 9510)
    assert caught.value.code == "bad_controllers"


@pytest.mark.parametrize("text", ["", ":", "con1:opx9", "con1:opx1000=9", "con1:opx1000=x:lf", "1:lf", "a,,b"])
def test_controllers_that_cannot_be_read_are_refused(text: str) -> None:
    """A wrong word is refused with an example of a right one."""
    with pytest.raises(AskedWrongly) as caught:
        parse_controllers(text)
    assert caught.value.code == "bad_controllers" and "con1:opx+" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "broker"),
        ("[broker]\ndirectory='d'\ncontrollers=[]", "controllers"),
        ("[broker]\ndirectory='d'\nport=99999\n[[controllers]]\nname='a'\ndirectory='x'", "broker.port"),
        ("[broker]\ndirectory='d'\n[[controllers]]\nname='a b'\ndirectory='x'", "name"),
        ("[broker]\ndirectory='d'\n[[controllers]]\nname='a'\ndirectory='x'\ncolour='red'", "colour"),
        ("[broker]\ndirectory='d'\n" + 2 * "[[controllers]]\nname='a'\ndirectory='x'\n", "two controllers"),
        ("[broker]\ndirectory='d'\n[[controllers]]\nname='a'\ndirectory='x'\nfems={1='lf'}\n", "no FEMs"),
        ("[broker]\ndirectory='d'\n[[controllers]]\nname='a'\ndirectory='x'\nplant='loopback'", "connects nothing"),
        (LOOPBACK + "['1>1']", "cannot read the loopback"),
        (LOOPBACK + "['1>1:24', '2>2:28']", "latencies"),
        (LOOPBACK + "['b/1>a/1:24']", "names controller 'b'; there is a"),
        ("[broker", "cluster.toml"),
    ],
)
def test_bad_cluster_files_say_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    """Each kind of mistake is refused by name, with the file's name."""
    path = tmp_path / "cluster.toml"
    path.write_text(text)
    with pytest.raises(AskedWrongly, match=words) as caught:
        read_cluster(path)
    assert caught.value.code == "bad_cluster_file" and str(path) in str(caught.value)


def test_a_missing_cluster_file_is_named(tmp_path: Path) -> None:
    """The path that was asked for is in the message."""
    with pytest.raises(AskedWrongly, match=r"nowhere\.toml"):
        read_cluster(tmp_path / "nowhere.toml")


@given(
    directory=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20),
    port=st.integers(1, 65533),
    noise=st.floats(0, 1),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, directory: str, port: int, noise: float
) -> None:
    """For any folder name, port and noise: write, read, equal."""
    cluster = embedded_cluster(
        "c1:opx+,c2:opx1000=1:lf,8:mw",
        Path(directory),
        port,
        plant="loopback",
        loopback=["1>1:24"],
        noise=noise,
        trigger_period_ns=port * 4,
        photons="1e6",
        latency="opx",
    )
    path = tmp_path_factory.mktemp("cluster") / "cluster.toml"
    write_cluster(cluster, path)
    found: Cluster = read_cluster(path)
    assert found == cluster


def test_loopback_addresses() -> None:
    """Only addresses that stay on the machine count."""
    assert [is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "0.0.0.0", "lab")] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
